// 01 UDP server: receives one message, answers it, and ends.
// Case 01 of the chapter 《Socket 编程》. See https://nodejs.org/api/dgram.html
//
//   npx tsx scripts/01-udp-server.ts    start this first,
//   npx tsx scripts/02-udp-client.ts    then this, in a second terminal

import dgram from "node:dgram"; // UDP, whose messages are called datagrams

const HOST = "127.0.0.1"; // this machine: only its own programs can reach us
const PORT = 7852; // this program on it: any free number from 1024 to 65535

// 1. Create the socket, for UDP over IPv4.
const socket = dgram.createSocket("udp4");

// 2. Bind it to an address, the port first: what is sent there comes to it.
//    Node calls the function when that is done.
socket.bind(PORT, HOST, () => console.log("Starting server........."));

// 3. Receive. Python waits here. Node goes on, and calls this function, a
//    listener, when a datagram arrives: "once", so for the first one only.
socket.once("message", (datagram, sender) => {
  const data = datagram.subarray(0, 500); // what recvfrom(500) keeps of it
  console.log(data); // <Buffer 49 20 6c ...>, each byte in hexadecimal
  console.log(data.constructor.name); // Buffer

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
      process.exitCode = 1;
    }

    // How it ends: we close the socket, and Node has nothing left to wait for.
    socket.close(() => console.log("Ending server........"));
  });
});

// What can go wrong: another program has the port. A socket's "error" that has
// no listener ends the program with a stack trace.
socket.on("error", (error) => {
  console.error(`${error.message}. Is another server running? Stop it first.`);
  process.exit(1);
});
