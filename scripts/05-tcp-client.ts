// 05 TCP client: connects, sends one message and prints the answer.
// Case 05 of the Python chapter 《Socket 编程》.
// Reference: https://nodejs.org/api/net.html
//
//   npx tsx scripts/04-tcp-server.ts            start the server first,
//   npx tsx scripts/05-tcp-client.ts            then this, in a second terminal
//   npx tsx scripts/05-tcp-client.ts "Hello"    or this: a message of your own

import net from "node:net"; // TCP

const HOST = "127.0.0.1"; // the server's machine: this one
const PORT = 8998; // the server's number on that machine
const TIMEOUT = 10_000; // milliseconds to wait for the whole answer

// 1. Create the socket.
const socket = new net.Socket();

// 2. Connect to the server's address, port first. Python waits here. Node goes
//    on, and keeps what we send until there is a connection.
socket.connect(PORT, HOST);

// 3. Send. Only bytes travel, so the text is encoded, as UTF-8. ("||" replaces
//    an empty text, too: TCP cannot send it.)
const text = process.argv[2] || "I love wangxiaojing"; // sys.argv[1], or this
const message = Buffer.from(text);
socket.write(message);

// 4. Receive. Python waits here, for one piece of TCP's stream of bytes. Node
//    waits after the last line, and calls this function, a listener, for every
//    piece. We join them before decoding: a character may span two.
let answer = Buffer.alloc(0);
socket.on("data", (piece: Buffer) => {
  answer = Buffer.concat([answer, piece]).subarray(0, 500); // recv(500)
  if (answer.length === 500) socket.destroy(); // enough: close now
});

// 5. Close. When the server closes its side, Node closes ours, without a call.
//    Then no more can come, so we print the answer here.
socket.on("close", () => {
  clearTimeout(timer); // set below; Node would wait for it
  if (answer.length > 0) console.log(answer.toString()); // Received msg: ...
});

// What can go wrong: no server is there (error code ECONNREFUSED), or the
// connection breaks (ECONNRESET).
socket.on("error", (error: NodeJS.ErrnoException) => {
  const cause = `${HOST}:${PORT}: ${error.code ?? error.message}`;
  console.error(
    answer.length > 0
      ? `Perhaps only part of the answer from ${cause}.`
      : `No answer from ${cause}. Is the server running?`,
  );
  process.exitCode = 1; // the exit status, when Node ends: failed
});

// Or the server closes its side and has not answered.
socket.on("end", () => {
  if (answer.length === 0) socket.destroy(new Error("connection closed"));
});

// Or the server never answers, or never closes.
const timer = setTimeout(() => {
  socket.destroy(new Error(`timed out after ${TIMEOUT / 1000} seconds`));
}, TIMEOUT);
