// 05 TCP client: sends one message, prints the answer and exits.
// This is case 05 of the Python chapter 《Socket 编程》.
// Reference: https://nodejs.org/api/net.html
//
// Start the server, then this client in a second terminal:
//
//   npx tsx scripts/04-tcp-server.ts
//   npx tsx scripts/05-tcp-client.ts

import net from "node:net"; // for TCP, which connects two programs

const HOST = "127.0.0.1"; // the server's IPv4 address: this machine
const PORT = 8998; // the server program's port, the same as in 04
const TIMEOUT = 10_000; // milliseconds to wait for the whole answer

// process.argv[2] (Python's sys.argv[1]) is the text after the file name, as in
// npx tsx scripts/05-tcp-client.ts "Hello". Without text, || gives the default.
const message = process.argv[2] || "I love wangxiaojing"; // TCP cannot send "".

// 1. Create a socket for TCP. We send and receive through it.
const socket = new net.Socket();

// 2. Connect to HOST and PORT. The system gives our socket a free port. Python
//    waits here. In Node, connect() returns at once, and Node runs the script
//    to its last line. Then Node's event loop keeps running as long as a socket
//    is open, and calls our functions when something happens.
socket.connect(PORT, HOST);

// 3. Send the message. A socket carries only bytes, so we encode the text as
//    UTF-8. Node keeps the bytes until the socket is connected.
socket.write(Buffer.from(message));

// 4. Receive the answer. TCP is a stream of bytes, so the answer may come in
//    pieces. Python's recv(500) returns one piece. For every piece, Node calls
//    this listener, a callback for an event. We join the pieces until the
//    server closes the connection, or we have 500 bytes.
let data = Buffer.alloc(0);
socket.on("data", (piece: Buffer) => {
  data = Buffer.concat([data, piece]).subarray(0, 500);
  if (data.length === 500) socket.destroy(); // closes the socket at once
});

// 5. Close the connection. When the server closes its side ("end"), Node closes
//    ours, so we need not close it. The last event is "close". A piece can end
//    between two bytes of a character, so we do not decode until "close".
socket.on("close", () => {
  const answer = data.toString();
  if (answer) console.log(answer); // Received msg: I love ... from (...)
  // How the client exits: its only socket is closed, so Node exits.
});

// What can go wrong: the server may close its side without answering. Then
// destroy() closes the socket and passes our error to the listener for "error".
socket.on("end", () => {
  if (data.length === 0) socket.destroy(new Error("connection closed"));
});

// If the server never answers or never closes its side, this timer destroys the
// socket. (Without unref(), it would delay a normal exit.)
setTimeout(() => {
  socket.destroy(new Error(`timed out after ${TIMEOUT / 1000} seconds`));
}, TIMEOUT).unref();

// Every failure leads to this listener: no server is running (ECONNREFUSED),
// the connection breaks, or destroy() passes our error. Then Node calls the
// listener for "close", which prints what has arrived.
socket.on("error", (error: NodeJS.ErrnoException) => { // allows error.code
  const cause = error.code ?? error.message; // our own errors have no code
  const hint = cause === "ECONNREFUSED" ? " Is the server running?" : "";
  console.error(`No complete answer from ${HOST}:${PORT}: ${cause}.${hint}`);
  process.exitCode = 1; // After "close", Node exits with status 1 (failure).
});
