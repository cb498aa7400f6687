// 05 TCP client: connects, sends one message and prints the answer.
// Case 05 of the chapter 《Socket 编程》. See https://nodejs.org/api/net.html
//
//   npx tsx scripts/04-tcp-server.ts            start the server first,
//   npx tsx scripts/05-tcp-client.ts            then this, in a second terminal
//   npx tsx scripts/05-tcp-client.ts "Hello"    or this: a message of your own

import net from "node:net"; // TCP

const HOST = "127.0.0.1"; // the server's machine: this one
const PORT = 8998; // the server's program on that machine
const TIMEOUT = 10_000; // milliseconds to wait for the whole answer

// 1. Create the socket.
const socket = new net.Socket();

// 2. Connect to the server's address, the port first. Python waits here. Node
//    goes on, and keeps what we send until there is a connection.
socket.connect(PORT, HOST);

// 3. Send. Only bytes travel, so the text is encoded, as UTF-8. (TCP cannot
//    carry an empty message: "||" sends our own in its place.)
const message = Buffer.from(process.argv[2] || "I love wangxiaojing");
socket.write(message);

// 4. Receive. Node calls this function, a listener, for each piece: TCP keeps
//    the order of the bytes, but not where a message ends. We keep 500 of them,
//    and decode them last: a character may be split between two pieces.
let answer = Buffer.alloc(0);
socket.on("data", (piece: Buffer) => {
  answer = Buffer.concat([answer, piece]).subarray(0, 500);
  if (answer.length === 500) socket.destroy(); // enough: close
});

// 5. Close. There is no call: when the server closes its side, Node closes ours.
//    Only now do we know that the answer is whole, so we print it here.
socket.on("close", () => {
  clearTimeout(timer); // see below
  if (answer.length > 0) console.log(answer.toString()); // Received msg: ...
});

// What can go wrong: nobody is there, or the connection breaks.
socket.on("error", (error: NodeJS.ErrnoException) => {
  const cause = `${HOST}:${PORT}: ${error.code ?? error.message}`;
  console.error(
    answer.length > 0
      ? `Perhaps not the whole answer from ${cause}.`
      : `No answer from ${cause}. Is the server running?`,
  );
  process.exitCode = 1;
});

// The server closes without an answer.
socket.on("end", () => {
  if (answer.length === 0) socket.destroy(new Error("connection closed"));
});

// It does not answer, or does not close.
const timer = setTimeout(() => {
  socket.destroy(new Error(`timed out after ${TIMEOUT / 1000} seconds`));
}, TIMEOUT);
