// 02 UDP client: sends one message, prints the answer and exits.
// This is case 02 of the Python chapter 《Socket 编程》.
// Reference: https://nodejs.org/api/dgram.html
//
// Start a server (01 or 03), then this client in a second terminal:
//
//   npx tsx scripts/01-udp-server.ts
//   npx tsx scripts/02-udp-client.ts

import dgram from "node:dgram"; // for UDP, which sends messages as datagrams

const HOST = "127.0.0.1"; // the server's address: this machine
const PORT = 7852; // the server's port, the same as in 01 and 03
const TIMEOUT = 5_000; // milliseconds that we wait for the answer

// To send a message of your own, add it to the command, for example
// npx tsx scripts/02-udp-client.ts "Hello". (Python has it in sys.argv[1].) If
// there is none, we send the text after "??".
const message = process.argv[2] ?? "I love jingjing";

// 1. Create a socket for UDP over IPv4. We send and receive through it.
const socket = dgram.createSocket("udp4");

// 2. Send the message to the server's address and port. A socket carries only
//    bytes, so we encode the text as UTF-8. The system gives our socket a free
//    port. The call returns at once, and Node runs the script to its last line.
//    Then Node's event loop keeps running as long as a socket is open, and
//    calls our functions when something happens. It calls this function, a
//    callback, when the message is sent, or cannot be sent.
socket.send(Buffer.from(message), PORT, HOST, (error) => {
  if (error) {
    console.error(error.message);
    process.exit(1); // status 1 means failure
  }
});

// 3. Receive the answer. Python waits here. The event loop calls this function,
//    a listener, when a datagram arrives; "once" means the first one only.
socket.once("message", (datagram) => {
  // We take at most 200 bytes, the limit in Python's recvfrom(200).
  const data = datagram.subarray(0, 200);
  const answer = data.toString(); // decoded as UTF-8
  console.log(answer); // Ich hab keine Hunge

  // How the client exits: we close the socket. With none open, Node exits.
  socket.close();
});

// What can go wrong: if no server is running, or a datagram is lost, no answer
// comes, and Python may wait forever. We exit after TIMEOUT. (Without unref(),
// a timer would also keep Node running.)
setTimeout(() => {
  const server = `${HOST}:${PORT} in ${TIMEOUT / 1000} seconds`;
  console.error(`No answer from ${server}. Is the server running?`);
  process.exit(1);
}, TIMEOUT).unref();

// The system may also be unable to give us a socket with a port.
socket.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
