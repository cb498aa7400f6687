// 04 TCP server: answers every client, all at the same time, until Ctrl+C.
// Case 04 of the Python chapter 《Socket 编程》.
// Reference: https://nodejs.org/api/net.html
//
//   npx tsx scripts/04-tcp-server.ts    start this first,
//   npx tsx scripts/05-tcp-client.ts    then this, in a second terminal

import net from "node:net"; // TCP

const HOST = "127.0.0.1"; // this machine: only its own programs can reach us
const PORT = 8998; // this program: any free number from 1024 to 65535
const TIMEOUT = 30_000; // milliseconds that a connection may last

// 1. Create the socket. It only accepts clients: each gets a socket of its own,
//    the connection.
const server = net.createServer();

// 2. Bind it to an address, the port before the host.
// 3. Listen for clients. In Node one call does both, and then calls the
//    function.
server.listen(PORT, HOST, () => console.log("Starting tcp server......."));

// 4. Accept. Python waits here, for one client at a time. Node waits at the end
//    of this file, and calls this function, a listener, for every client.
server.on("connection", (connection) => {
  const { remoteAddress: address, remotePort: port } = connection;

  // 5. Receive. TCP is a stream of bytes: a message may come in pieces. As
  //    recv(500) does, we take the first ("once"). Node drops the others.
  connection.once("data", (data: Buffer) => {
    const message = data.subarray(0, 500).toString();

    // 6. Answer, in bytes again. No address is needed: the connection has one.
    const answer = `Received msg: ${message} from ('${address}', ${port})`;
    console.log(answer); // Received msg: I love ... from ('127.0.0.1', 54321)
    connection.write(Buffer.from(answer));

    // 7. Close our side of the connection, once the answer is sent. The client
    //    closes its own.
    connection.end();
  });

  // What can go wrong with a client: it breaks off the connection.
  connection.on("error", (error) => {
    console.error(`${address}:${port}: ${error.message}`);
  });

  // The client sends nothing, or never leaves. After TIMEOUT we call that an
  // error and close both sides.
  const timer = setTimeout(() => {
    connection.destroy(new Error("timed out"));
  }, TIMEOUT);
  connection.on("close", () => clearTimeout(timer));

  // The client is gone before we accept it, and has no address.
  if (!port) connection.destroy();
});

// How it ends: by Ctrl+C (SIGINT) or `kill` (SIGTERM).
function stop() {
  console.log("Ending tcp server.......");
  process.exit(); // closes all sockets, the connections too
}
process.on("SIGINT", stop).on("SIGTERM", stop);

// What can go wrong with the server: another program has the port. Then we end.
// Later, a single accept may fail. Then we go on.
server.on("error", ({ message }) => {
  const bound = server.listening;
  const hint = bound ? "" : ". Stop any other server, or change HOST or PORT.";
  console.error(message + hint);
  if (!bound) process.exit(1);
});
