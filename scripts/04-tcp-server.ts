// 04 TCP server: answers many clients at once, until Ctrl+C.
// Case 04 of the Python chapter 《Socket 编程》.
// Reference: https://nodejs.org/api/net.html
//
//   npx tsx scripts/04-tcp-server.ts    start this first,
//   npx tsx scripts/05-tcp-client.ts    then this, in a second terminal

import net from "node:net"; // TCP

const HOST = "127.0.0.1"; // this machine: only its own programs can reach us
const PORT = 8998; // this program's number: any free one, 1024 to 65535
const TIMEOUT = 30_000; // milliseconds that a connection may last

// 1. Create the socket. It only accepts clients: each gets a socket of its own,
//    the connection.
const server = net.createServer();

// 2. Bind it to an address, port first.
// 3. Listen for clients. In Node one call does both. Node calls the function
//    when that is done.
server.listen(PORT, HOST, () => console.log("Starting tcp server......."));

// 4. Accept. Python waits here, for one client at a time. Node waits after the
//    last line, and calls this function, a listener, for every client.
server.on("connection", (connection) => {
  const { remoteAddress: address, remotePort: port } = connection;

  // 5. Receive. TCP is a stream of bytes: a message may come in pieces. We take
  //    the first ("once"), as one recv(500) does. Node drops the others.
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

  // What can go wrong with a client: its connection breaks.
  connection.on("error", (error) => {
    console.error(`${address}:${port}: ${error.message}`);
  });

  // The client never sends, or never closes. After TIMEOUT we call that an
  // error, and drop the connection.
  const timer = setTimeout(() => {
    connection.destroy(new Error("timed out"));
  }, TIMEOUT);
  connection.on("close", () => clearTimeout(timer));

  // A connection that broke before we accepted it has no port.
  if (!port) connection.destroy();
});

// How it ends: by Ctrl+C (SIGINT) or `kill` (SIGTERM).
function stop() {
  console.log("Ending tcp server.......");
  process.exit(); // closes all the sockets, too
}
process.on("SIGINT", stop).on("SIGTERM", stop);

// What can go wrong with the server: another program has the port, and we end.
// Later, a single accept may fail, and we go on.
server.on("error", (error) => {
  const bound = server.listening;
  const hint = bound ? "" : ". Stop other servers or change HOST or PORT.";
  console.error(error.message + hint);
  if (!bound) process.exit(1);
});
