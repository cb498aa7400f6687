// 02 UDP client: sends one message and prints the answer.
// Case 02 of the Python chapter 《Socket 编程》.
// Reference: https://nodejs.org/api/dgram.html
//
//   npx tsx scripts/01-udp-server.ts            start a server first: 01 or 03
//   npx tsx scripts/02-udp-client.ts            then this, in a second terminal
//   npx tsx scripts/02-udp-client.ts "Hello"    or this: a message of your own

import dgram from "node:dgram"; // UDP, whose messages are called datagrams

const HOST = "127.0.0.1"; // the server's machine: this one
const PORT = 7852; // the server's number on that machine
const TIMEOUT = 5_000; // milliseconds to wait for the answer

// 1. Create the socket, for UDP over IPv4.
const socket = dgram.createSocket("udp4");

// 2. Send to the server's address, port first. Only bytes travel, so the text
//    is encoded, as UTF-8. The system gives our socket a port.
const text = process.argv[2] ?? "I love jingjing"; // sys.argv[1], or this
const message = Buffer.from(text);
socket.send(message, PORT, HOST, (error) => {
  if (error) fail(error.message);
});

// 3. Receive the answer. Python waits here. Node waits after the last line, so
//    nothing is missed, and calls this function, a listener, when a datagram
//    arrives: "once", so only for the first, whoever sent it.
socket.once("message", (datagram) => {
  const data = datagram.subarray(0, 200); // at most 200 bytes: recvfrom(200)
  console.log(data.toString()); // Ich hab keine Hunge

  // How it ends: we close the socket. That stops the timer below, too, and Node
  // has nothing left to wait for.
  socket.close();
});

// What can go wrong: no server is there, or a datagram is lost. Nobody tells
// this socket. Python waits forever (on Windows it may raise), we for TIMEOUT.
const timer = setTimeout(() => {
  fail(
    `No answer from ${HOST}:${PORT} in ${TIMEOUT / 1000} seconds. ` +
      "Is the server running?",
  );
}, TIMEOUT);
socket.on("close", () => clearTimeout(timer));

// Or the system has no port for our socket.
socket.on("error", (error) => fail(error.message));

function fail(reason: string) {
  console.error(reason);
  process.exit(1);
}
