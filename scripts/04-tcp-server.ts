// 04 TCP server: answers many clients until you press Ctrl+C.
// Start the server, then the client in a second terminal:
//
//   npx tsx scripts/04-tcp-server.ts
//   npx tsx scripts/05-tcp-client.ts
//
// Press Ctrl+C in the first terminal. It shows (54321 stands for any port):
//
//   Starting tcp server.......
//   Received msg: I love wangxiaojing from ('127.0.0.1', 54321)
//   Ending tcp server.......
//
// This is case 04 of the Python chapter 《Socket 编程》. README.md explains it.
// Node's page on TCP: https://nodejs.org/api/net.html

import net from "node:net"; // for TCP, which connects two programs

const HOST = "127.0.0.1"; // the server's IPv4 address: this machine
const PORT = 8998; // the server program's port, the same as in 05
const TIMEOUT = 30_000; // milliseconds that a connection may last

// 1. Create a server for TCP. Its socket only accepts clients. For each client,
//    Node creates another socket, "connection".
const server = net.createServer();

// 2. Bind the server to HOST and PORT, so that clients can find it.
// 3. Listen for clients. Node does both steps, and then calls this function.
server.listen(PORT, HOST, () => console.log("Starting tcp server......."));

// 4. Accept clients. Python waits in accept(), and serves one client after
//    another. Node accepts each client itself, and then calls this listener
//    (event "connection"). While one client is silent, Node serves the others.
server.on("connection", (connection) => {
  const address = connection.remoteAddress; // the client's address
  const port = connection.remotePort; // the client's port

  // Without this check, if a client breaks its connection at once, Node does
  // not know its address and port, and the server prints "undefined" instead.
  if (!port) {
    connection.destroy();
    return;
  }

  // 5. Receive the message. TCP carries a stream of bytes, so the message comes
  //    in one or more pieces. We take the first, as Python's recv(500) does.
  connection.once("data", (piece: Buffer) => {
    const data = piece.subarray(0, 500); // at most 500 bytes
    const message = data.toString(); // decodes UTF-8; invalid bytes become �

    // 6. Answer the client. write() needs no address, unlike send() in UDP.
    const answer = `Received msg: ${message} from ('${address}', ${port})`;
    console.log(answer);
    connection.write(Buffer.from(answer));

    // 7. Close the connection. Each program closes its own side of it. end()
    //    closes ours after the answer. The client then closes its side, too.
    connection.end();
  });

  // Without this listener, if a client breaks its connection, Node exits, as it
  // does for most events "error" that have no listener.
  connection.on("error", (error) => {
    console.error(`${address}:${port}: ${error.message}`);
  });

  // Without this timer, if a client stays silent, it stays connected forever.
  const timer = setTimeout(() => {
    console.error(`${address}:${port}: closed after ${TIMEOUT / 1000} seconds`);
    connection.destroy(); // closes the connection at once
  }, TIMEOUT);
  connection.on("close", () => clearTimeout(timer)); // else it would still fire
});

// How the server exits: Node calls stop() on Ctrl+C (SIGINT) or kill (SIGTERM).
function stop() {
  console.log("Ending tcp server.......");
  process.exit(); // closes all sockets
}
process.on("SIGINT", stop).on("SIGTERM", stop);

// Without this listener, if PORT is in use, Node prints a stack trace.
server.on("error", (error) => {
  console.error(`${error.message}. Is PORT free to use, and HOST right?`);
  process.exit(1); // Status 1 means failure.
});
