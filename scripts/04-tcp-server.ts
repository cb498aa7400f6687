// 04 TCP server: answers many clients at the same time, until Ctrl+C.
// This is case 04 of the Python chapter 《Socket 编程》.
// Reference: https://nodejs.org/api/net.html
//
// Start this server, then the client in a second terminal:
//
//   npx tsx scripts/04-tcp-server.ts
//   npx tsx scripts/05-tcp-client.ts

import net from "node:net"; // for TCP

const HOST = "127.0.0.1"; // the address: this machine, for its own programs
const PORT = 8998; // the port: this program on the machine; 05 needs the same
const TIMEOUT = 30_000; // milliseconds that a connection may last

// 1. Create a socket for TCP. (With this HOST, it uses IPv4.) It only accepts
//    clients. Each client then gets a socket of its own, the connection.
const server = net.createServer();

// 2. Bind the socket to our address and port.
// 3. Listen for clients. One call does both. It returns at once, and Node runs
//    the script to its last line. Then Node's event loop runs as long as a
//    socket is open, and calls our functions when something happens. It calls
//    this function, a callback, when both are done.
server.listen(PORT, HOST, () => console.log("Starting tcp server......."));

// 4. Accept clients. Python waits here, and serves one client after the other.
//    The event loop calls this function, a listener, for every client. It calls
//    one function at a time, but while one client is silent, it can call a
//    function for another. So the server serves many clients at the same time.
server.on("connection", (connection) => {
  const address = connection.remoteAddress; // the client's address
  const port = connection.remotePort;

  // 5. Receive the message. TCP is a stream of bytes, so it may come in pieces.
  //    We take only the first ("once"), like a single recv(500) in Python.
  connection.once("data", (piece: Buffer) => {
    const data = piece.subarray(0, 500);
    const message = data.toString(); // decoded as UTF-8

    // 6. Answer the client. The connection knows its address.
    const answer = `Received msg: ${message} from ('${address}', ${port})`;
    console.log(answer); // Received msg: I love ... from ('127.0.0.1', 54321)
    connection.write(Buffer.from(answer));

    // 7. Close our side of the connection. end() sends the answer before that.
    connection.end();
  });

  // What can go wrong with a client: the connection may break. Without this
  // listener, the server would then exit.
  connection.on("error", (error) => {
    console.error(`${address}:${port}: ${error.message}`);
  });

  // The client may also stay silent, or never close its side. After TIMEOUT,
  // destroy() closes both sides, and passes the error to the listener above.
  const timer = setTimeout(() => {
    connection.destroy(new Error("timed out"));
  }, TIMEOUT);
  connection.on("close", () => clearTimeout(timer));

  // If the connection broke before we accepted it, the port is undefined.
  if (!port) connection.destroy();
});

// How the server exits: Ctrl+C sends it the signal SIGINT, and other programs
// may send it SIGTERM. Node calls this function for both.
function stop() {
  console.log("Ending tcp server.......");
  process.exit(); // closes all sockets
}
process.on("SIGINT", stop).on("SIGTERM", stop);

// What can go wrong with the server: if another program is using the port,
// Python's bind() raises an exception. Node calls this listener.
server.on("error", (error) => {
  console.error(`${error.message}. Free this port, or change HOST or PORT.`);
  process.exit(1);
});
