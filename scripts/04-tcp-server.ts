// 04 TCP server: answers every client, all of them at the same time, until Ctrl+C.
//
//   npx tsx scripts/04-tcp-server.ts    start this first,
//   npx tsx scripts/05-tcp-client.ts    then this, in a second terminal, again and again

import net from 'node:net';

const HOST = '127.0.0.1'; // this machine itself: no other machine can reach it
const PORT = 8998;
const BUFFER_SIZE = 500; // bytes taken of a message, as recv(500) does
const TIMEOUT = 30_000; // milliseconds

// 1. Create the socket. It only accepts clients; for each it makes a second one, the connection.
const server = net.createServer();

// 2. Bind it to an address and a port, and
// 3. listen there for clients: in Node one call does both.
server.listen(PORT, HOST, () => console.log('Starting tcp server.......'));

// Without this listener a taken port would end the program with a stack trace.
server.on('error', (error: NodeJS.ErrnoException) => {
  // One client could not be accepted: no reason to end.
  if (server.listening) {
    console.error(`Cannot accept a client on TCP ${HOST}:${PORT} (${error.code}).`);
    return;
  }
  console.error(
    `Cannot listen on TCP ${HOST}:${PORT} (${error.code}). ` +
      'Is another server running there? Stop it with Ctrl+C, then start this one again.',
  );
  process.exit(1);
});

// 4. Accept. Python waits inside accept() and serves one client after the other. Node calls this
//    function for each client and waits for none of them, so all are served at the same time.
server.on('connection', (connection) => {
  // A client that is gone before it is accepted has no address: we would answer "undefined".
  const { remoteAddress, remotePort } = connection;
  if (!remoteAddress) {
    connection.destroy();
    return;
  }

  // Without this listener a single client that resets its connection would end the server.
  connection.on('error', (error) => {
    console.error(`${remoteAddress}:${remotePort}: ${error.message}`);
  });

  // Without this timer clients that say nothing, or never leave, would add up until no new client
  // can be accepted.
  const timer = setTimeout(() => connection.destroy(new Error('timed out')), TIMEOUT);
  connection.on('close', () => clearTimeout(timer));

  // 5. Receive the first piece. What comes after it is still read, and thrown away: closing with
  //    bytes unread would reset the connection, and the client could lose its answer.
  connection.once('data', (data) => {
    const message = data.subarray(0, BUFFER_SIZE).toString();

    // 6. Answer. No address is needed: the connection leads to this client and to no other.
    const answer = `Received msg: ${message} from ('${remoteAddress}', ${remotePort})`;
    console.log(answer);
    connection.write(answer);

    // 7. Close the connection. The client has the time of the timer, anew, to close its side.
    connection.end();
    timer.refresh();
  });
});

// Ctrl+C in the terminal is SIGINT; `kill`, or a system going down, sends SIGTERM.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    server.close();
    console.log('Ending tcp server.......');
    process.exit(); // closes the open connections, too; server.close() would wait for them
  });
}
