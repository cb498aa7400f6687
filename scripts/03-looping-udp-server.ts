// 03 Looping UDP server: answers messages until you press Ctrl+C.
// Start the server, then the client in a second terminal:
//
//   npx tsx scripts/03-looping-udp-server.ts
//   npx tsx scripts/02-udp-client.ts
//
// Press Ctrl+C in the first terminal. It shows:
//
//   Starting server.........
//   I love jingjing
//   Ending server........
//
// This is case 03 of the Python chapter 《Socket 编程》. README.md explains it.
// Node's page on UDP: https://nodejs.org/api/dgram.html

import dgram from "node:dgram"; // for UDP, whose messages are called datagrams

const HOST = "127.0.0.1"; // the server's IPv4 address: this machine
const PORT = 7852; // the server program's port, the same as in 02

// 1. Create a socket for UDP over IPv4. We receive and send through it.
const socket = dgram.createSocket("udp4");

// 2. Bind the socket to HOST and PORT, so that it receives what is sent there.
//    When the socket is bound, Node calls the function given here, a callback.
socket.bind(PORT, HOST, () => console.log("Starting server........."));

// 3. Receive datagrams. Python needs an endless loop here ("while True"). Node
//    already has one, its event loop. With "on" (01 has "once"), it calls this
//    listener for every event "message", which means for every datagram.
socket.on("message", (datagram, sender) => {
  const data = datagram.subarray(0, 500); // at most 500 bytes
  const message = data.toString(); // decodes UTF-8; invalid bytes become �
  const answer = "Ich hab keine Hunge";
  console.log(message);

  // Without this check, if a datagram falsely names a server as its sender (UDP
  // does not verify senders), that server and ours may answer each other
  // forever. So we do not answer ports below 1024 (many servers use them) or
  // our own answer (a copy of this server would send it).
  if (sender.port < 1024 || message === answer) {
    console.error(`${sender.address}:${sender.port}: not answered`);
    return;
  }

  // 4. Answer the sender.
  socket.send(Buffer.from(answer), sender.port, sender.address, (error) => {
    // Without this line, if the answer cannot be sent, the server says nothing.
    if (error) console.error(error.message);
  });
});

// How the server exits: Node calls stop() on Ctrl+C (SIGINT) or kill (SIGTERM).
function stop() {
  console.log("Ending server........");
  process.exit(); // closes the socket
}
process.on("SIGINT", stop).on("SIGTERM", stop);

// Without this listener, if PORT is in use, some versions of Node say nothing.
let bound = false; // true when the socket is bound
socket.on("listening", () => bound = true); // bind()'s callback runs then, too
socket.on("error", (error) => {
  if (bound) {
    console.error(error.message); // A receive failed. The server keeps running.
  } else {
    console.error(`${error.message}. Is PORT free to use, and HOST right?`);
    process.exit(1); // Status 1 means failure.
  }
});
