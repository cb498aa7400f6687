// 01 UDP server: receives one message, answers it and exits.
// Start the server, then the client in a second terminal:
//
//   npx tsx scripts/01-udp-server.ts
//   npx tsx scripts/02-udp-client.ts
//
// The server prints:
//
//   Starting server.........
//   <Buffer 49 20 6c 6f 76 65 20 6a 69 6e 67 6a 69 6e 67>
//   Buffer
//   string
//   I love jingjing
//   Ending server........
//
// This is case 01 of the Python chapter 《Socket 编程》. README.md explains it.
// Node's page on UDP: https://nodejs.org/api/dgram.html

import dgram from "node:dgram"; // for UDP, whose messages are called datagrams

const HOST = "127.0.0.1"; // the server's IPv4 address: this machine
const PORT = 7852; // the server program's port, the same as in 02

// 1. Create a socket for UDP over IPv4. We receive and send through it.
const socket = dgram.createSocket("udp4");

// 2. Bind the socket to HOST and PORT, so that it receives what is sent there.
//    bind() returns at once, and Node runs the script to its last line. Then
//    Node's event loop waits, and calls our functions when something (an event)
//    happens. When the socket is bound, Node calls this function, a callback.
socket.bind(PORT, HOST, () => console.log("Starting server........."));

// 3. Receive a datagram (event "message"). Python waits in recvfrom(500). In
//    Node, we add a listener, a callback for an event. Node calls it once, when
//    the first datagram comes. "sender" has the client's address and port.
socket.once("message", (datagram, sender) => {
  const data = datagram.subarray(0, 500); // at most 500 bytes
  console.log(data); // the bytes (at most 50) in hexadecimal
  console.log(data.constructor.name); // the name of their type

  // A socket carries only bytes. We decode them as UTF-8 to get text. Invalid
  // bytes become �. (Python's decode() raises an exception.)
  const message = data.toString();
  console.log(typeof message); // the type of the text
  console.log(message); // the text

  // 4. Answer the sender. We encode the text as UTF-8. When the answer is sent,
  //    or cannot be sent, Node calls the callback.
  const answer = "Ich hab keine Hunge";
  socket.send(Buffer.from(answer), sender.port, sender.address, (error) => {
    // Without this check, if the answer cannot be sent, the server exits with
    // status 0, which looks like a success.
    if (error) {
      console.error(error.message);
      process.exit(1); // Status 1 means failure.
    }

    // How the server exits: a bound socket keeps Node running, so we close it.
    // If we closed it before this callback, the answer could be lost.
    socket.close(() => console.log("Ending server........"));
  });
});

// Without this listener, if PORT is in use, some versions of Node say nothing.
socket.on("error", (error) => {
  console.error(`${error.message}. Is PORT free to use, and HOST right?`);
  process.exit(1);
});
