// 04 TCP server: answers every client, all of them at the same time, until Ctrl+C.
//
//   npx tsx scripts/04-tcp-server.ts    start this first,
//   npx tsx scripts/05-tcp-client.ts    then this, in a second terminal, again and again

import net from 'node:net';

const HOST = '127.0.0.1'; // this machine itself: no other machine can reach a server bound here
const PORT = 8998;
const BUFFER_SIZE = 500; // bytes kept of a message; the rest is dropped
const TIMEOUT = 30_000; // milliseconds that a connection may last

// 1. Create the socket. It only accepts clients; each gets a socket of its own, the connection.
const server = net.createServer();

// 2. Bind it to an address, and
// 3. listen there for clients: in Node, one call does both.
server.listen(PORT, HOST, () => console.log('Starting tcp server.......'));

// Without this listener, a port that is taken would end the program with a stack trace.
server.on('error', (error: NodeJS.ErrnoException) => {
  // Only one client could not be accepted: no reason to end.
  if (server.listening) {
    console.error(`TCP ${HOST}:${PORT}: ${error.message}`);
    return;
  }
  console.error(
    `Cannot listen on TCP ${HOST}:${PORT} (${error.code}). ` +
      'Is another server running there? Stop it with Ctrl+C, then start this one again.',
  );
  process.exit(1);
});

// 4. Accept. Python waits inside accept(), and the chapter serves one client after the other. Node
//    calls this function for each client and waits for none: all are served at the same time.
server.on('connection', (connection) => {
  // A client that is gone before it is accepted has no address: we would print "undefined" for it.
  const { remoteAddress, remotePort } = connection;
  if (!remotePort) {
    connection.destroy();
    return;
  }

  // Without this listener, one client that breaks off (resets) its connection would end the server.
  connection.on('error', (error) => {
    console.error(`${remoteAddress}:${remotePort}: ${error.message}`);
  });

  // Without this timer, clients that say nothing or never leave would pile up until no new one
  // could be accepted.
  const timer = setTimeout(() => connection.destroy(new Error('timed out')), TIMEOUT);
  connection.on('close', () => clearTimeout(timer));

  // 5. Receive the first piece. After "once" Node reads on with nobody listening, so what follows
  //    is thrown away. Closing with bytes unread would reset the connection: the client could lose
  //    its answer.
  connection.once('data', (data: Buffer) => {
    const message = data.subarray(0, BUFFER_SIZE).toString();

    // 6. Answer: no address is needed, the connection leads to this client only. write() encodes.
    const answer = `Received msg: ${message} from ('${remoteAddress}', ${remotePort})`;
    console.log(answer);
    connection.write(answer);

    // 7. Close the connection, once the answer is sent. The server's own socket stays open.
    connection.end();
  });
});

// Without these listeners, Ctrl+C (SIGINT) or `kill` (SIGTERM) would end Node before its last line.
process.on('SIGINT', end);
process.on('SIGTERM', end);

function end() {
  console.log('Ending tcp server.......');
  process.exit(); // closes all sockets; server.close() would wait for clients that are connected
}
