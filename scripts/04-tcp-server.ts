// 04 TCP server: answers every client, all at the same time, until Ctrl+C.
// (Case 04 of the chapter 《Socket 编程》, whose programs are in Python.)
//
//   npx tsx scripts/04-tcp-server.ts    start this first,
//   npx tsx scripts/05-tcp-client.ts    then this, in a second terminal

import net from "node:net";

const HOST = "127.0.0.1"; // this machine: only its own programs can reach us
const PORT = 8998; // names our program; any free number from 1024 to 65535
const MAX_BYTES = 500; // the most we take of a message; the rest is dropped
const TIMEOUT = 30_000; // milliseconds that a connection may last

// 1. Create the socket. This one carries no messages: it accepts clients, and
//    each gets a socket of its own, the connection.
const server = net.createServer();

// 2. Bind it to an address, to which clients connect.
// 3. Listen for them. In Node, one call does both, and calls the function when
//    that is done.
server.listen(PORT, HOST, () => console.log("Starting tcp server......."));

// 4. Accept. Python waits here for a client, and the chapter serves that one
//    before it accepts the next. Node does not wait: it calls this function for
//    each client that connects, and none has to wait for another.
server.on("connection", (connection) => {
  const { remoteAddress, remotePort } = connection; // the client's address

  // 5. Receive. TCP carries a stream of bytes, so a message may come in pieces.
  //    We take the first ("once") and decode it as UTF-8. Node reads the others
  //    and drops them.
  connection.once("data", (data: Buffer) => {
    const message = data.subarray(0, MAX_BYTES).toString();

    // 6. Answer, encoded as bytes. No address is needed: the connection leads
    //    to this client only. (The address in the text looks as in Python, so
    //    that the answer is the chapter's, to the byte.)
    const answer =
      `Received msg: ${message} from ('${remoteAddress}', ${remotePort})`;
    console.log(answer); // Received msg: I love ... from ('127.0.0.1', 54321)
    connection.write(Buffer.from(answer));

    // 7. Close our side of the connection, once the answer is sent; the client
    //    closes its own. The server's first socket stays open, for others.
    connection.end();
  });
});

// How it ends: by Ctrl+C (SIGINT) or `kill` (SIGTERM). Without these listeners,
// it would end without its last line, "Ending ...".
process.on("SIGINT", end);
process.on("SIGTERM", end);

function end() {
  console.log("Ending tcp server.......");
  process.exit(); // closes all sockets, the connections too
}

// What can go wrong with one client. (For each connection, Node calls this
// function after that of step 4.)
server.on("connection", (connection) => {
  // A client can be gone before it is accepted, and then have no address.
  // Without this check, our lines about it would say "undefined".
  const { remoteAddress, remotePort } = connection;
  if (!remotePort) connection.destroy();

  // Without this listener, a client that breaks off its connection (resets it)
  // would end the server.
  connection.on("error", (error) => {
    console.error(`${remoteAddress}:${remotePort}: ${error.message}`);
  });

  // Without this timer, clients that send nothing or never leave would add up
  // until the system gives us no more connections.
  const timer = setTimeout(() => {
    connection.destroy(new Error("timed out")); // an "error" for the above
  }, TIMEOUT);
  connection.on("close", () => clearTimeout(timer)); // no longer needed
});

// What can go wrong with the server. Without this listener, a port that another
// program uses would end ours with a stack trace. So would an accept that fails
// later, for one client only.
server.on("error", (error) => {
  if (server.listening) {
    return console.error(`TCP ${HOST}:${PORT}: ${error.message}`);
  }
  console.error(
    `Cannot serve TCP ${HOST}:${PORT} (${error.message}). If another server ` +
      "is running there, stop it with Ctrl+C, then start this one again.",
  );
  process.exit(1);
});

// Without these listeners, we would end when we print to a closed pipe, a full
// disk or a terminal that is gone.
for (const out of [process.stdout, process.stderr]) out.on("error", () => {});
