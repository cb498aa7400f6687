// 02 UDP client: sends one message, prints the answer and exits.
// Start a server (01 or 03), then the client in a second terminal:
//
//   npx tsx scripts/01-udp-server.ts
//   npx tsx scripts/02-udp-client.ts
//
// The client prints:
//
//   Ich hab keine Hunge
//
// This is case 02 of the Python chapter 《Socket 编程》. README.md explains it.
// Node's page on UDP: https://nodejs.org/api/dgram.html

import dgram from "node:dgram"; // for UDP, whose messages are called datagrams
import events from "node:events"; // gives promises for events

const HOST = "127.0.0.1"; // the server's IPv4 address: this machine
const PORT = 7852; // the server program's port, the same as in 01 and 03
const TIMEOUT = 5_000; // milliseconds to wait for the answer

// argv[2] (Python's sys.argv[1]) is the text after the file name, as in
// npx tsx scripts/02-udp-client.ts "Hello". Without it, ?? gives the default.
const message = process.argv[2] ?? "I love jingjing";

// 1. Create a socket for UDP over IPv4. We send and receive through it.
const socket = dgram.createSocket("udp4");

// A server does not know when messages come, so it has a listener. A client
// knows what comes next, so main() goes step by step, as in Python, with await.
async function main() { // The last lines of the script call it.
  // 2. Send the message to the server, encoded as UTF-8. The system gives our
  //    socket a free port for the answer. send() gives no promise. Node calls
  //    this function, a callback, when the message is sent, or cannot be.
  socket.send(Buffer.from(message), PORT, HOST, (error) => {
    // Without this check, if the message is too long to send, the client waits
    // until it times out, and does not say why.
    if (error) fail(error.message);
  });

  // 3. Receive the answer. Python waits in recvfrom(200). Here, events.once()
  //    gives a promise for the event "message". main() awaits it, and gets an
  //    array of two values, the datagram and its sender. If the socket fails
  //    first (the event "error"), await throws the error.
  const values = await events.once(socket, "message");
  const datagram: Buffer = values[0]; // ": Buffer" tells TypeScript the type.
  const data = datagram.subarray(0, 200); // at most 200 bytes
  console.log(data.toString()); // decodes UTF-8; invalid bytes become �

  // How the client exits: process.exit() closes the socket and stops the timer.
  process.exit();
}

// Without this timer, if no server is running or a datagram is lost (UDP
// reports neither), the client waits forever.
setTimeout(() => fail("timed out. Is the server running?"), TIMEOUT);

function fail(cause: string) {
  console.error(`No answer from ${HOST}:${PORT}: ${cause}`);
  process.exit(1); // Status 1 means failure.
}

// Without ".catch", if a step of main() fails, Node prints a stack trace.
main().catch((error: NodeJS.ErrnoException) => { // an Error, maybe with a code
  // An error with no code is our mistake. We throw it again, so Node shows it.
  if (!error.code) throw error;
  fail(error.message);
});
