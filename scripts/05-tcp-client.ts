// 05 TCP client: connects, sends one message and prints the answer.
// (Case 05 of the chapter 《Socket 编程》, whose programs are in Python.)
//
//   npx tsx scripts/04-tcp-server.ts            start the server first,
//   npx tsx scripts/05-tcp-client.ts            then this, in a second terminal
//   npx tsx scripts/05-tcp-client.ts "Hello"    or this: a message of your own

import net from "node:net";

const HOST = "127.0.0.1"; // the server's machine: this one
const PORT = 8998; // the server's program on that machine
const MAX_BYTES = 500; // the most we take of the answer; the rest is dropped
const TIMEOUT = 10_000; // milliseconds to wait for the whole answer

// 1. Create the socket. A client need not bind it: when it connects, the system
//    gives it a free port.
const socket = new net.Socket();

// 2. Connect to the server's address. Python waits here until that is done.
//    Node goes on, and keeps what we send until there is a connection.
socket.connect(PORT, HOST);

// 3. Send. The text is the one given with the command, or our own if that is
//    empty, since TCP cannot carry an empty message. Only bytes travel, so it
//    is encoded as bytes first, in UTF-8.
const message = Buffer.from(process.argv[2] || "I love wangxiaojing");
socket.write(message);

// 4. Receive. TCP keeps the order of the bytes, but not where a message ends:
//    an answer may come in pieces. Collect them first and decode last, because
//    one character may be split between two of them.
let answer = Buffer.alloc(0);
socket.on("data", (piece: Buffer) => {
  answer = Buffer.concat([answer, piece]);
  if (answer.length >= MAX_BYTES) socket.destroy(); // enough: close now
});

// 5. Close the connection. When the server closes its side, Node closes ours by
//    itself. Then nothing more can come, and Node calls this function.
socket.on("close", () => {
  console.log(answer.subarray(0, MAX_BYTES).toString()); // Received msg: ...
});

// What can go wrong: no server is there, or the connection breaks. Without this
// listener, we would end with a stack trace.
socket.on("error", (error) => fail(error.message));

// Without this listener, we would print an empty line when the server closes
// the connection without an answer.
socket.on("end", () => {
  if (answer.length === 0) fail("connection closed");
});

// Without this timer, we would wait forever for a server that does not answer,
// or does not close the connection.
const timer = setTimeout(() => {
  fail(`timed out after ${TIMEOUT / 1000} seconds`);
}, TIMEOUT);
socket.on("close", () => clearTimeout(timer)); // or it would still call fail()

function fail(cause: string) {
  if (answer.length > 0) console.log(answer.toString());
  const what = answer.length > 0 ? "Perhaps not the whole answer" : "No answer";
  console.error(
    `${what} from TCP ${HOST}:${PORT} (${cause}). ` +
      "Is 04-tcp-server.ts running there? Start it first.",
  );
  process.exit(1);
}
