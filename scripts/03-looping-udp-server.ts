// 03 Looping UDP server: answers every message, until Ctrl+C.
// Case 03 of the chapter 《Socket 编程》. See https://nodejs.org/api/dgram.html
//
//   npx tsx scripts/03-looping-udp-server.ts    start this first,
//   npx tsx scripts/02-udp-client.ts            then this, in a second terminal

import dgram from "node:dgram"; // UDP, whose messages are called datagrams

const HOST = "127.0.0.1"; // this machine: only its own programs can reach us
const PORT = 7852; // this program on it: any free number from 1024 to 65535
const ANSWER = "Ich hab keine Hunge";

// 1. Create the socket, for UDP over IPv4.
const socket = dgram.createSocket("udp4");

// 2. Bind it to an address, the port first: what is sent there comes to it.
//    Node calls the function when that is done.
let bound = false;
socket.bind(PORT, HOST, () => {
  bound = true;
  console.log("Starting server.........");
});

// 3. Receive. Python needs an endless loop, "while True". Node has its own: it
//    calls this function, a listener, for every datagram ("on", not "once").
socket.on("message", (datagram, sender) => {
  const text = datagram.subarray(0, 500).toString();
  console.log(text); // I love jingjing

  // 4. Answer the sender, unless its port is a service's or its message is our
  //    answer: a sender can be forged, to have two servers answer each other.
  //    (One with another port and answer would still get through.)
  if (sender.port < 1024 || text === ANSWER) {
    console.error(`${sender.address}:${sender.port}: not answered`);
    return;
  }
  socket.send(Buffer.from(ANSWER), sender.port, sender.address, (error) => {
    if (error) console.error(error.message);
  });
});

// How it ends: by Ctrl+C (SIGINT) or `kill` (SIGTERM).
process.on("SIGINT", end).on("SIGTERM", end);

function end() {
  console.log("Ending server........");
  process.exit(); // closes the socket, too
}

// What can go wrong: another program has the port; then we end. Later, a single
// receive may fail; then we go on.
socket.on("error", (error) => {
  const advice = bound ? "" : ". Is another server running? Stop it first.";
  console.error(error.message + advice);
  if (!bound) process.exit(1);
});
