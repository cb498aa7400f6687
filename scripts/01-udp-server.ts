// 01 UDP server: receives one message, answers it and exits.
// This is case 01 of the Python chapter 《Socket 编程》.
// Reference: https://nodejs.org/api/dgram.html
//
// Start this server, then the client in a second terminal:
//
//   npx tsx scripts/01-udp-server.ts
//   npx tsx scripts/02-udp-client.ts

import dgram from "node:dgram"; // for UDP; each message is one datagram

const HOST = "127.0.0.1"; // the server's IPv4 address: this machine
const PORT = 7852; // the server program's port, the same as in 02

// 1. Create a socket for UDP over IPv4. We receive and send through it.
const socket = dgram.createSocket("udp4");

// 2. Bind the socket to HOST and PORT, so that it receives what is sent there.
//    bind() returns at once, and Node runs the script to its last line. Then
//    Node's event loop keeps running as long as a socket is open, and calls our
//    functions when something happens. When the socket is bound, Node calls
//    this function, a callback.
socket.bind(PORT, HOST, () => console.log("Starting server........."));

// 3. Receive a datagram. Python waits here. In Node, we add a listener, which
//    is a callback for an event. Node calls it when the first datagram arrives
//    (the event "message"). "sender" has the client's address and port.
socket.once("message", (datagram, sender) => {
  // We take at most 500 bytes, as Python's recvfrom(500) does.
  const data = datagram.subarray(0, 500);
  console.log(data); // shows <Buffer 49 20 ...>, bytes in hexadecimal
  console.log(data.constructor.name); // its type: Buffer

  // A socket carries only bytes. We decode them as UTF-8 to get text. Invalid
  // bytes become �. (Python's decode() raises an exception.)
  const message = data.toString();
  console.log(typeof message); // string
  console.log(message); // I love jingjing

  // 4. Answer the sender. We encode the text as UTF-8. When the answer is sent,
  //    or cannot be sent, Node calls the callback.
  const answer = "Ich hab keine Hunge";
  socket.send(Buffer.from(answer), sender.port, sender.address, (error) => {
    if (error) {
      console.error(error.message);
      process.exit(1); // status 1 means failure
    }

    // How the server exits: we close its only socket, so Node exits. If we
    // closed it before this callback, the answer could be lost.
    socket.close(() => console.log("Ending server........"));
  });
});

// What can go wrong: if another program is using the port, the server exits.
socket.on("error", (error) => {
  console.error(`${error.message}. Free this port, or change HOST or PORT.`);
  process.exit(1);
});
