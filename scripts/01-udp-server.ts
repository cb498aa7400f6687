// 01 UDP server: receives one message, answers it and exits.
// This is case 01 of the Python chapter 《Socket 编程》.
// Reference: https://nodejs.org/api/dgram.html
//
// Start this server, then the client in a second terminal:
//
//   npx tsx scripts/01-udp-server.ts
//   npx tsx scripts/02-udp-client.ts

import dgram from "node:dgram"; // for UDP, which sends messages as datagrams

const HOST = "127.0.0.1"; // the address: this machine, for its own programs
const PORT = 7852; // the port: this program on the machine; 02 needs the same

// 1. Create a socket for UDP over IPv4. We receive and send through it. (A
//    script needs no `if __name__ ...` in Node.)
const socket = dgram.createSocket("udp4");

// 2. Bind the socket to our address and port, so that it receives what is sent
//    there. The call returns at once, and Node runs the script to its last
//    line. Then Node's event loop keeps running as long as a socket is open,
//    and calls our functions when something happens. It calls this function, a
//    callback, when the socket is bound.
socket.bind(PORT, HOST, () => console.log("Starting server........."));

// 3. Receive a datagram. Python waits here. The event loop calls this function,
//    a listener, when a datagram arrives; "once" means the first one only. The
//    object "sender" holds the client's address and port.
socket.once("message", (datagram, sender) => {
  // We take at most 500 bytes, the limit in Python's recvfrom(500).
  const data = datagram.subarray(0, 500);
  console.log(data); // <Buffer 49 20 6c ...>: the first 50, in hexadecimal
  console.log(data.constructor.name); // Buffer, Node's type for bytes

  // A socket carries only bytes. We decode them as UTF-8 to get text. Invalid
  // bytes become �, but Python's decode() raises an exception.
  const message = data.toString();
  console.log(typeof message); // string
  console.log(message); // I love jingjing

  // 4. Answer the sender. (This is optional.) We encode the text as UTF-8. The
  //    callback is called when the answer is sent, or cannot be sent.
  const answer = "Ich hab keine Hunge";
  socket.send(Buffer.from(answer), sender.port, sender.address, (error) => {
    if (error) {
      console.error(error.message);
      process.exit(1); // status 1 means failure
    }

    // How the server exits: we close the socket. Then no socket is open, so
    // Node exits. If we closed it earlier, the answer would be lost.
    socket.close(() => console.log("Ending server........"));
  });
});

// What can go wrong: if another program is using the port, Python's bind()
// raises an exception. Node calls this listener.
socket.on("error", (error) => {
  console.error(`${error.message}. Free this port, or change HOST or PORT.`);
  process.exit(1);
});
