// 02 UDP client: sends one message, prints the answer and exits.
// This is case 02 of the Python chapter 《Socket 编程》.
// Reference: https://nodejs.org/api/dgram.html
//
// Start a server (01 or 03), then this client in a second terminal:
//
//   npx tsx scripts/01-udp-server.ts
//   npx tsx scripts/02-udp-client.ts

import dgram from "node:dgram"; // for UDP; each message is one datagram

const HOST = "127.0.0.1"; // the server's IPv4 address: this machine
const PORT = 7852; // the server program's port, the same as in 01 and 03
const TIMEOUT = 5_000; // milliseconds to wait for the answer

// process.argv[2] (Python's sys.argv[1]) is the text after the file name, as in
// npx tsx scripts/02-udp-client.ts "Hello". Without it, ?? gives the default.
const message = process.argv[2] ?? "I love jingjing";

// 1. Create a socket for UDP over IPv4. We send and receive through it.
const socket = dgram.createSocket("udp4");

// 2. Send the message to the server's address and port. A socket carries only
//    bytes, so we encode the text as UTF-8. The system gives our own socket a
//    free port for the answer. send() returns at once, and Node runs the script
//    to its last line. Then Node's event loop keeps running as long as a socket
//    is open, and calls our functions when something happens. When the message
//    is sent, or cannot be sent, Node calls this function, a callback.
socket.send(Buffer.from(message), PORT, HOST, (error) => {
  if (error) {
    console.error(error.message);
    process.exit(1); // status 1 means failure
  }
});

// 3. Receive the answer. Python waits here. In Node, we add a listener, which
//    is a callback for an event. Node calls it when the first datagram arrives
//    (the event "message").
socket.once("message", (datagram) => {
  // We take at most 200 bytes, as Python's recvfrom(200) does.
  const data = datagram.subarray(0, 200);
  const answer = data.toString(); // decoded as UTF-8
  console.log(answer); // Ich hab keine Hunge

  // How the client exits: we close its only socket, so Node exits.
  socket.close();
});

// What can go wrong: if no server is running, or a datagram is lost, Node does
// not report it. In Python, recvfrom() may then wait forever. This timer stops
// the client after TIMEOUT. (Without unref(), it would delay a normal exit.)
setTimeout(() => {
  const problem = `No answer from ${HOST}:${PORT} in ${TIMEOUT / 1000} seconds`;
  console.error(`${problem}. Is the server running?`);
  process.exit(1);
}, TIMEOUT).unref();

// If no port is free, Node calls this listener.
socket.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
