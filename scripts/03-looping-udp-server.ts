// 03 Looping UDP server: answers messages until you press Ctrl+C.
// This is case 03 of the Python chapter 《Socket 编程》.
// Reference: https://nodejs.org/api/dgram.html
//
// Start this server, then the client in a second terminal:
//
//   npx tsx scripts/03-looping-udp-server.ts
//   npx tsx scripts/02-udp-client.ts

import dgram from "node:dgram"; // for UDP; each message is one datagram

const HOST = "127.0.0.1"; // the server's IPv4 address: this machine
const PORT = 7852; // the server program's port, the same as in 02

// 1. Create a socket for UDP over IPv4. We receive and send through it.
const socket = dgram.createSocket("udp4");

// 2. Bind the socket to HOST and PORT, so that it receives what is sent there.
//    bind() returns at once. When the socket is bound, Node calls our function,
//    a callback.
socket.bind(PORT, HOST, () => console.log("Starting server........."));

// 3. Receive datagrams. Python needs an infinite loop here ("while True"). Node
//    uses its event loop instead. After Node has run the script to its last
//    line, this loop keeps running as long as a socket is open, and calls our
//    functions when something happens. A listener is a callback for an event.
//    With "on" (01 uses "once"), Node calls it for every datagram.
socket.on("message", (datagram, sender) => {
  // We take at most 500 bytes, as Python's recvfrom(500) does.
  const data = datagram.subarray(0, 500);
  const message = data.toString(); // decoded as UTF-8
  console.log(message); // I love jingjing

  // 4. Answer the sender, unless it looks like a server. A datagram can falsely
  //    name a server as its sender, and that server and ours might answer each
  //    other forever. So we do not answer ports below 1024 (many servers use
  //    them) or messages identical to our answer (a copy of 03 may send them).
  const answer = "Ich hab keine Hunge";
  if (sender.port < 1024 || message === answer) { // send() fails for port 0
    console.error(`${sender.address}:${sender.port}: not answered`);
    return;
  }
  socket.send(Buffer.from(answer), sender.port, sender.address, (error) => {
    if (error) console.error(error.message);
  });
});

// How the server exits: Node calls stop() on Ctrl+C (the signal SIGINT) or,
// except on Windows, on SIGTERM from another program.
function stop() {
  console.log("Ending server........");
  process.exit(); // closes the socket
}
process.on("SIGINT", stop).on("SIGTERM", stop);

// What can go wrong: if another program is using the port, the server exits. If
// receiving fails (the system call "recvmsg"), the server keeps running.
socket.on("error", (error: NodeJS.ErrnoException) => { // allows error.syscall
  if (error.syscall === "recvmsg") {
    console.error(error.message);
    return;
  }
  console.error(`${error.message}. Free this port, or change HOST or PORT.`);
  process.exit(1);
});
