// 01 UDP server: receives one message, answers it, and ends.
// Case 01 of the Python chapter 《Socket 编程》.
// Reference: https://nodejs.org/api/dgram.html
//
//   npx tsx scripts/01-udp-server.ts    start this first,
//   npx tsx scripts/02-udp-client.ts    then this, in a second terminal

import dgram from "node:dgram"; // UDP, whose messages are called datagrams

const HOST = "127.0.0.1"; // this machine: only its own programs can reach us
const PORT = 7852; // this program's number: any free one, 1024 to 65535

// 1. Create the socket, for UDP over IPv4.
const socket = dgram.createSocket("udp4");

// 2. Bind it to an address, port first: what is sent there comes to this
//    socket. Node calls the function when it is bound.
socket.bind(PORT, HOST, () => console.log("Starting server........."));

// 3. Receive. Python waits here. Node waits after the last line, and calls this
//    function, a listener, when a datagram arrives: "once", so only for the
//    first.
socket.once("message", (datagram, sender) => {
  const data = datagram.subarray(0, 500); // at most 500 bytes: recvfrom(500)
  console.log(data); // <Buffer 49 20 6c ...>, each byte in hexadecimal
  console.log(data.constructor.name); // Buffer, Node's type for bytes

  // Only bytes travel. Decoded, as UTF-8, they are text. (What is not UTF-8
  // becomes �, where Python's decode() raises.)
  const text = data.toString();
  console.log(typeof text); // string
  console.log(text); // I love jingjing

  // 4. Answer the sender (optional), in bytes again. Node calls the function
  //    when the answer is sent, or cannot be.
  const answer = Buffer.from("Ich hab keine Hunge");
  socket.send(answer, sender.port, sender.address, (error) => {
    if (error) {
      console.error(error.message);
      process.exitCode = 1; // the exit status, when Node ends: failed
    }

    // How it ends: we close the socket, and Node has nothing left to wait for.
    socket.close(() => console.log("Ending server........"));
  });
});

// What can go wrong: another program has the port. Python's bind() raises; Node
// calls this listener.
socket.on("error", (error) => {
  console.error(`${error.message}. Stop other servers or change HOST or PORT.`);
  process.exit(1);
});
