// 04 TCP server: answers every client, all at the same time, until Ctrl+C.
// Case 04 of the chapter 《Socket 编程》. See https://nodejs.org/api/net.html
//
//   npx tsx scripts/04-tcp-server.ts    start this first,
//   npx tsx scripts/05-tcp-client.ts    then this, in a second terminal

import net from "node:net"; // TCP

const HOST = "127.0.0.1"; // this machine: only its own programs can reach us
const PORT = 8998; // this program on it: any free number from 1024 to 65535
const TIMEOUT = 30_000; // milliseconds that a connection may last

// 1. Create the socket. This one only accepts clients: each gets another socket
//    of its own, the connection.
const server = net.createServer();

// 2. Bind it to an address, the port first.
// 3. Listen for clients. In Node one call does both, and calls the function
//    when that is done.
server.listen(PORT, HOST, () => console.log("Starting tcp server......."));

// 4. Accept. Python waits here for a client, and serves it before the next one.
//    Node goes on, and calls this function, a listener, for every client.
server.on("connection", (connection) => {
  const { remoteAddress: address, remotePort: port } = connection;

  // 5. Receive. TCP is a stream of bytes: a message may come in pieces. We take
  //    the first ("once"); Node reads the others and drops them.
  connection.once("data", (data: Buffer) => {
    const message = data.subarray(0, 500).toString(); // as recv(500), decode()

    // 6. Answer, in bytes again. No address is needed: the connection has one.
    const answer = `Received msg: ${message} from ('${address}', ${port})`;
    console.log(answer); // Received msg: I love ... from ('127.0.0.1', 54321)
    connection.write(Buffer.from(answer));

    // 7. Close the connection, once the answer is sent.
    connection.end();
  });

  // What can go wrong with a client: it breaks off the connection (a reset).
  connection.on("error", (error) => {
    console.error(`${address}:${port}: ${error.message}`);
  });

  // It sends nothing, or never leaves: such connections would add up.
  const timer = setTimeout(() => {
    connection.destroy(new Error("timed out"));
  }, TIMEOUT);
  connection.on("close", () => clearTimeout(timer));

  // It is gone already, and has no address any more.
  if (!port) connection.destroy();
});

// How it ends: by Ctrl+C (SIGINT) or `kill` (SIGTERM).
process.on("SIGINT", end).on("SIGTERM", end);

function end() {
  console.log("Ending tcp server.......");
  process.exit(); // closes all sockets, the connections too
}

// What can go wrong with the server: another program has the port; then we end.
// Later, a single accept may fail; then we go on.
server.on("error", (error) => {
  const { listening } = server;
  const advice = listening ? "" : ". Is another server running? Stop it first.";
  console.error(error.message + advice);
  if (!listening) process.exit(1);
});
