// 04 TCP server: answers many clients until you press Ctrl+C.
// This is case 04 of the Python chapter 《Socket 编程》.
// Reference: https://nodejs.org/api/net.html
//
// Start this server, then the client in a second terminal:
//
//   npx tsx scripts/04-tcp-server.ts
//   npx tsx scripts/05-tcp-client.ts

import net from "node:net"; // for TCP, which connects two programs

const HOST = "127.0.0.1"; // the server's IPv4 address: this machine
const PORT = 8998; // the server program's port, the same as in 05
const TIMEOUT = 30_000; // milliseconds that a connection may last

// 1. Create a TCP socket, "server", to accept clients. For each client, we get
//    another socket, "connection", to receive and send data.
const server = net.createServer();

// 2. Bind "server" to HOST and PORT, where clients will find it.
// 3. Listen for clients. listen() does both steps and returns at once. Node
//    runs the script to its last line. Then Node's event loop keeps running as
//    long as a socket is open, and calls our functions when something happens.
//    When the server is listening, Node calls this function, a callback.
server.listen(PORT, HOST, () => console.log("Starting tcp server......."));

// 4. Accept clients. The Python script waits here and serves one client after
//    another. Node does not wait. For every client, it calls this listener, a
//    callback for an event. Node does one thing at a time, but while one client
//    is silent, Node calls the listeners for other clients.
server.on("connection", (connection) => {
  const address = connection.remoteAddress; // the client's address
  const port = connection.remotePort; // the client's port

  // 5. Receive the message. TCP is a stream of bytes, so the message may come
  //    in pieces. We take only the first ("once"), as Python's recv(500) does.
  connection.once("data", (piece: Buffer) => {
    const data = piece.subarray(0, 500);
    const message = data.toString(); // decoded as UTF-8

    // 6. Answer the client.
    const answer = `Received msg: ${message} from ('${address}', ${port})`;
    console.log(answer); // Received msg: I love ... from ('127.0.0.1', 54321)
    connection.write(Buffer.from(answer));

    // 7. Close our side of the connection. The answer is still sent first.
    connection.end(); // Then the client closes its side.
  });

  // What can go wrong with a client: the connection may break. Node exits if an
  // "error" event has no listener, so this listener keeps the server running.
  connection.on("error", (error) => {
    console.error(`${address}:${port}: ${error.message}`);
  });

  // The client may also stay silent, or never close the connection. After
  // TIMEOUT, destroy() closes it and passes our error to the listener above.
  const timer = setTimeout(() => {
    connection.destroy(new Error("timed out"));
  }, TIMEOUT);
  connection.on("close", () => clearTimeout(timer));

  // If the client has already dropped the connection, "port" may be undefined.
  if (!port) connection.destroy(); // We drop it, too.
});

// How the server exits: Node calls stop() on Ctrl+C (the signal SIGINT) or,
// except on Windows, on SIGTERM from another program.
function stop() {
  console.log("Ending tcp server.......");
  process.exit(); // closes all sockets
}
process.on("SIGINT", stop).on("SIGTERM", stop);

// What can go wrong with the server: if another program is using the port, the
// server exits.
server.on("error", (error) => {
  console.error(`${error.message}. Free this port, or change HOST or PORT.`);
  process.exit(1);
});
