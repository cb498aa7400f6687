// 02 UDP client: sends one message and prints the answer.
// (Case 02 of the chapter 《Socket 编程》, whose programs are in Python.)
//
//   npx tsx scripts/01-udp-server.ts            start a server first: 01 or 03
//   npx tsx scripts/02-udp-client.ts            then this, in a second terminal
//   npx tsx scripts/02-udp-client.ts "Hello"    or this: a message of your own

import dgram from "node:dgram";

const HOST = "127.0.0.1"; // the server's machine: this one
const PORT = 7852; // the server's program on that machine
const MAX_BYTES = 200; // the most we take of the answer; the rest is dropped
const TIMEOUT = 5_000; // milliseconds to wait for the answer

// 1. Create the socket, our end of the exchange: UDP over IPv4. A client need
//    not bind it: when it sends, the system gives it a free port.
const socket = dgram.createSocket("udp4");

// 2. Send to the server's address: there is no connection to set up. The text
//    is the one given with the command (even an empty one), or our own. Only
//    bytes travel, so it is encoded as bytes first, in UTF-8. Node calls
//    sent(), below, when it is sent or cannot be.
const message = Buffer.from(process.argv[2] ?? "I love jingjing");
socket.send(message, PORT, HOST, sent);

// 3. Receive the answer. Python waits here; Node calls this function when it
//    arrives. As long as a socket can receive, Node keeps running: we close it.
socket.once("message", (datagram) => {
  const answer = datagram.subarray(0, MAX_BYTES).toString();
  console.log(answer); // Ich hab keine Hunge
  socket.close();
});

// What can go wrong: the message or its answer is lost, or no server is there.
// UDP does not tell us. Without this timer, we would wait forever.
const timer = setTimeout(() => {
  fail(
    `timed out after ${TIMEOUT / 1000} seconds`,
    "Is 01-udp-server.ts or 03-looping-udp-server.ts running there? " +
      "Start it first.",
  );
}, TIMEOUT);
socket.on("close", () => clearTimeout(timer)); // or it would still call fail()

// Without this function, a message that is too long would look like one that is
// lost. A system that has no port left says so by "error": without a listener
// for that, we would end with a stack trace.
function sent(error: Error | null) {
  if (!error) return;
  fail(error.message, "Message too long, address wrong, or no port free?");
}
socket.on("error", sent);

function fail(cause: string, advice: string) {
  console.error(`No answer from UDP ${HOST}:${PORT} (${cause}). ${advice}`);
  process.exit(1);
}
