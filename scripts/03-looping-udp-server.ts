// 03 Looping UDP server: answers message after message, until Ctrl+C.
// Case 03 of the Python chapter 《Socket 编程》.
// Reference: https://nodejs.org/api/dgram.html
//
//   npx tsx scripts/03-looping-udp-server.ts    start this first,
//   npx tsx scripts/02-udp-client.ts            then this, in a second terminal

import dgram from "node:dgram"; // UDP, whose messages are called datagrams

const HOST = "127.0.0.1"; // this machine: only its own programs can reach us
const PORT = 7852; // this program's number: any free one, 1024 to 65535
const ANSWER = "Ich hab keine Hunge";

// 1. Create the socket, for UDP over IPv4.
const socket = dgram.createSocket("udp4");

// 2. Bind it to an address, port first: what is sent there comes to this
//    socket.
let bound = false; // as long as that is so, an error ends us
socket.bind(PORT, HOST, () => {
  bound = true;
  console.log("Starting server.........");
});

// 3. Receive. Python needs an endless loop, "while True". Node runs its own
//    after the last line: it calls this function, a listener, for every
//    datagram ("on", where 01 has "once").
socket.on("message", (datagram, sender) => {
  const text = datagram.subarray(0, 500).toString(); // recvfrom(500), decode()
  console.log(text); // I love jingjing

  // 4. Answer the sender, unless it looks like a server: a port below 1024, or
  //    our own answer. A forged sender address can make two servers answer each
  //    other without end. (With higher ports and other answers, it still can.)
  if (sender.port < 1024 || text === ANSWER) {
    console.error(`${sender.address}:${sender.port}: not answered`);
    return;
  }
  socket.send(Buffer.from(ANSWER), sender.port, sender.address, (error) => {
    if (error) console.error(error.message);
  });
});

// How it ends: by Ctrl+C (SIGINT) or `kill` (SIGTERM).
function stop() {
  console.log("Ending server........");
  process.exit(); // closes the socket, too
}
process.on("SIGINT", stop).on("SIGTERM", stop);

// What can go wrong: another program has the port, and we end. Later, a single
// receive may fail, and we go on.
socket.on("error", (error) => {
  const hint = bound ? "" : ". Stop other servers or change HOST or PORT.";
  console.error(error.message + hint);
  if (!bound) process.exit(1);
});
