// 03 Looping UDP server: answers message after message, until Ctrl+C.
// This is case 03 of the Python chapter 《Socket 编程》.
// Reference: https://nodejs.org/api/dgram.html
//
// Start this server, then the client in a second terminal:
//
//   npx tsx scripts/03-looping-udp-server.ts
//   npx tsx scripts/02-udp-client.ts

import dgram from "node:dgram"; // for UDP, which sends messages as datagrams

const HOST = "127.0.0.1"; // the address: this machine, for its own programs
const PORT = 7852; // the port: this program on the machine; 02 needs the same

// 1. Create a socket for UDP over IPv4. We receive and send through it.
const socket = dgram.createSocket("udp4");

// 2. Bind the socket to our address and port, so that it receives what is sent
//    there. The call returns at once. Later, when the socket is bound, Node
//    calls this function, a callback.
socket.bind(PORT, HOST, () => console.log("Starting server........."));

// 3. Receive datagrams. Python needs an endless loop here, "while True". Node
//    brings one, the event loop: after the script's last line, it keeps running
//    as long as a socket is open, and calls our functions when something
//    happens. With "on" (01 has "once"), it calls this function, a listener,
//    for every datagram that arrives.
socket.on("message", (datagram, sender) => {
  // We take at most 500 bytes, the limit in Python's recvfrom(500).
  const data = datagram.subarray(0, 500);
  const message = data.toString(); // decoded as UTF-8
  console.log(message); // I love jingjing

  // 4. Answer the sender. But its address may be false. If the port is 0,
  //    send() throws an exception. If another server is at the address, the two
  //    might answer each other forever. So we do not answer ports below 1024,
  //    which many servers use, or a message that equals our answer. (Other
  //    loops are still possible.)
  const answer = "Ich hab keine Hunge";
  if (sender.port < 1024 || message === answer) {
    console.error(`${sender.address}:${sender.port}: not answered`);
    return;
  }
  socket.send(Buffer.from(answer), sender.port, sender.address, (error) => {
    if (error) console.error(error.message);
  });
});

// How the server exits: Ctrl+C sends it the signal SIGINT, and other programs
// may send it SIGTERM. Node calls this function for both.
function stop() {
  console.log("Ending server........");
  process.exit(); // closes the socket
}
process.on("SIGINT", stop).on("SIGTERM", stop);

// What can go wrong: if another program is using the port, the server exits.
// Once its socket is bound, no error stops the server.
let bound = false;
socket.on("listening", () => bound = true);
socket.on("error", (error) => {
  const advice = bound ? "" : ". Free this port, or change HOST or PORT.";
  console.error(error.message + advice);
  if (!bound) process.exit(1);
});
