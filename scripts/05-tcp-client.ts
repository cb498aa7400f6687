// 05 TCP client: sends one message, prints the answer and exits.
// Start the server, then the client in a second terminal:
//
//   npx tsx scripts/04-tcp-server.ts
//   npx tsx scripts/05-tcp-client.ts
//
// The client prints (54321 stands for any port):
//
//   Received msg: I love wangxiaojing from ('127.0.0.1', 54321)
//
// This is case 05 of the Python chapter 《Socket 编程》. README.md explains it.
// Node's page on TCP: https://nodejs.org/api/net.html

import events from "node:events"; // gives promises for events
import net from "node:net"; // for TCP, which connects two programs

const HOST = "127.0.0.1"; // the server's IPv4 address: this machine
const PORT = 8998; // the server program's port, the same as in 04
const TIMEOUT = 10_000; // milliseconds to wait for the whole answer

// argv[2] is the text after the file name. Without text, || gives the default,
// because over TCP, an empty message sends nothing.
const message = process.argv[2] || "I love wangxiaojing";

// 1. Create a socket for TCP. We send and receive through it.
const socket = new net.Socket();
let data = Buffer.alloc(0); // the bytes that have come; none yet

async function main() { // The last lines of the script call it.
  // 2. Connect to the server. Python waits in connect(). Here, await waits for
  //    the event "connect". If "error" comes instead, await throws the error.
  socket.connect(PORT, HOST);
  await events.once(socket, "connect");

  // 3. Send the message, encoded as UTF-8.
  socket.write(Buffer.from(message));

  // 4. Receive the answer piece by piece. (Python's recv(500) gives one piece.)
  //    While main() waits, Node calls this listener, which joins the pieces.
  socket.on("data", (piece: Buffer) => {
    data = Buffer.concat([data, piece]).subarray(0, 500); // at most 500 bytes
    if (data.length === 500) socket.destroy(); // closes the socket at once
  });

  // 5. Close the connection. The server closes its side after its answer. Then
  //    Node closes our side (the event "close"), and main() continues.
  await events.once(socket, "close");
  if (data.length === 0) fail("connection closed"); // ends the client
  console.log(data.toString()); // decodes all pieces (one may cut a character)
  process.exit(); // The client exits at once, before the timer below fires.
}

// Without this timer, if the server never answers, the client waits forever.
setTimeout(() => fail("timed out"), TIMEOUT);

function fail(cause: string) {
  // Without this line, if the connection breaks, the part that came is lost.
  if (data.length > 0) console.log(data.toString());

  const hint = cause === "ECONNREFUSED" ? ". Is the server running?" : "";
  console.error(`No complete answer from ${HOST}:${PORT}: ${cause}${hint}`);
  process.exit(1); // Status 1 means failure.
}

// Without ".catch", if no server is running, Node prints a stack trace.
main().catch((error: NodeJS.ErrnoException) => { // an Error, maybe with a code
  // An error with no code is our mistake. We throw it again, so Node shows it.
  if (!error.code) throw error;
  fail(error.code);
});
