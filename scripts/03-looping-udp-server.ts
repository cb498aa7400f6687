// 03 Looping UDP server: answers every message, until Ctrl+C.
// (Case 03 of the chapter 《Socket 编程》, whose programs are in Python.)
//
//   npx tsx scripts/03-looping-udp-server.ts    start this first,
//   npx tsx scripts/02-udp-client.ts            then this, in a second terminal

import dgram from "node:dgram";

const HOST = "127.0.0.1"; // this machine: only its own programs can reach us
const PORT = 7852; // names our program; any free number from 1024 to 65535
const MAX_BYTES = 500; // the most we take of a message; the rest is dropped
const ANSWER = "Ich hab keine Hunge"; // as in the chapter

// 1. Create the socket, our end of the exchange: UDP over IPv4.
const socket = dgram.createSocket("udp4");

// 2. Bind it to an address: what is sent there comes to this socket. Node calls
//    the function when that is done.
socket.bind(PORT, HOST, () => console.log("Starting server........."));

// 3. Receive. Python needs an endless loop, "while True". Node has its own: it
//    calls this function for every datagram ("on", where 01 says "once").
socket.on("message", (datagram, sender) => {
  const text = datagram.subarray(0, MAX_BYTES).toString();
  console.log(text); // I love jingjing

  // 4. Answer the sender, if it can be a client: see isClient(), below.
  if (!isClient(sender.port, text)) {
    return console.error(`${sender.address}:${sender.port}: not answered`);
  }
  const answer = Buffer.from(ANSWER);
  socket.send(answer, sender.port, sender.address, sent);
});

// How it ends: by Ctrl+C (SIGINT) or `kill` (SIGTERM). Without these listeners,
// it would end without its last line, "Ending ...".
process.on("SIGINT", end);
process.on("SIGTERM", end);

function end() {
  console.log("Ending server........");
  process.exit(); // closes the socket, too
}

// What can go wrong: a sender can be forged. Without this check, we would send
// answers to another server, and it to us, without end. So we answer no port
// below 1024, where services are (and for port 0, send() would throw), and no
// message that is our answer: an echo, a server like this one, or we sent it.
const isClient = (port: number, text: string) =>
  port >= 1024 && text !== ANSWER;

// Without this function, we would not learn that an answer could not be sent.
function sent(error: Error | null) {
  if (error) console.error(error.message);
}

// Without the listener for "error", a port that another program uses would end
// ours with a stack trace. So would a receive that fails later, once bound.
let bound = false;
socket.on("listening", () => bound = true);
socket.on("error", (error) => {
  if (bound) return console.error(`UDP ${HOST}:${PORT}: ${error.message}`);
  console.error(
    `Cannot serve UDP ${HOST}:${PORT} (${error.message}). If another server ` +
      "is running there, stop it with Ctrl+C, then start this one again.",
  );
  process.exit(1);
});

// Without these listeners, we would end when we print to a closed pipe, a full
// disk or a terminal that is gone.
for (const out of [process.stdout, process.stderr]) out.on("error", () => {});
