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

import dgram from "node:dgram"; // Node's module for UDP

const HOST = "127.0.0.1"; // the server's address: this machine
const PORT = 7852; // the server's port, the same as in 02

// 1. Create a socket for UDP over IPv4. We receive and send through it.
const socket = dgram.createSocket("udp4");

// 2. Bind the socket to HOST and PORT, so that it receives what is sent there.
//    bind() returns at once. When the socket is bound, Node calls our function.
socket.bind(PORT, HOST, () => console.log("Starting server........."));

// 3. Receive a datagram, the client's message. Python waits in recvfrom(500).
//    Node does not wait here. It runs the script to its last line. Then its
//    event loop waits, as long as a socket is open, until something happens (an
//    event), and calls the function that we have added for it (a listener). The
//    event "message" means that a datagram has arrived. For the first one
//    ("once"), Node calls this listener with the datagram and its sender.
socket.once("message", (datagram, sender) => {
  const data = datagram.subarray(0, 500); // at most 500 bytes
  console.log(data); // prints the bytes in hexadecimal
  console.log(data.constructor.name); // prints their type in Node

  const message = data.toString(); // decodes UTF-8; invalid bytes become �
  console.log(typeof message);
  console.log(message);

  // 4. Answer the sender. A socket carries only bytes, so we encode the text as
  //    UTF-8. Node calls our function when the answer is sent, or cannot be.
  const answer = "Ich hab keine Hunge";
  socket.send(Buffer.from(answer), sender.port, sender.address, (error) => {
    // Without this check, if the answer cannot be sent, the server exits as if
    // it were sent (status 0).
    if (error) {
      console.error(error.message);
      process.exitCode = 1; // The server will exit with status 1 (failure).
    }

    // How the server exits: the answer is sent, so we close the only socket.
    socket.close(() => console.log("Ending server........"));
  });
});

// Without this listener, if another program is using the port, you get no clear
// message.
socket.on("error", (error: NodeJS.ErrnoException) => { // an Error with a code
  const inUse = error.code === "EADDRINUSE";
  console.error(error.message + (inUse ? ". Is another server running?" : ""));
  process.exitCode = 1; // An unbound socket does not keep Node running.
});
