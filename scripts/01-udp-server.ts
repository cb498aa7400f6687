// 01 UDP server: takes one message, answers it, and ends.
// (Case 01 of the chapter 《Socket 编程》, whose programs are in Python.)
//
//   npx tsx scripts/01-udp-server.ts    start this first,
//   npx tsx scripts/02-udp-client.ts    then this, in a second terminal

import dgram from "node:dgram";

const HOST = "127.0.0.1"; // this machine: only its own programs can reach us
const PORT = 7852; // names our program; any free number from 1024 to 65535
const MAX_BYTES = 500; // the most we take of a message; the rest is dropped

// 1. Create the socket, our end of the exchange: UDP over IPv4.
const socket = dgram.createSocket("udp4");

// 2. Bind it to an address: what is sent there comes to this socket. Node calls
//    the function when that is done.
socket.bind(PORT, HOST, () => console.log("Starting server........."));

// 3. Receive. Python waits here until a message comes. Node does not wait: it
//    calls this function when one arrives, with the message (a datagram, in
//    UDP) and its sender's address. "once": for the first one only.
socket.once("message", (datagram, sender) => {
  const data = datagram.subarray(0, MAX_BYTES);
  console.log(data); // <Buffer 49 20 6c ...>, each byte in hexadecimal
  console.log(data.constructor.name); // Buffer

  // Only bytes travel. Decoded, as UTF-8, they are text.
  const text = data.toString();
  console.log(typeof text); // string
  console.log(text); // I love jingjing

  // 4. Answer the sender (optional: UDP expects no answer). Text is encoded as
  //    bytes first. Node calls sent(), below, when it is sent or cannot be.
  const answer = Buffer.from("Ich hab keine Hunge"); // as in the chapter
  socket.send(answer, sender.port, sender.address, sent);
});

// How it ends: Node keeps running as long as a socket can receive. We close it
// only now, because closing it before the answer is sent would drop the answer.
function sent(error: Error | null) {
  if (error) console.error(error.message);
  socket.close();
}
socket.on("close", () => console.log("Ending server........"));

// What can go wrong: another program uses the port. Without this listener (a
// function that Node calls), ours would end with a stack trace.
socket.on("error", (error) => {
  console.error(
    `Cannot serve UDP ${HOST}:${PORT} (${error.message}). If another server ` +
      "is running there, stop it with Ctrl+C, then start this one again.",
  );
  process.exit(1);
});
