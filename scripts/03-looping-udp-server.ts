// 03 Looping UDP server: answers every message, until Ctrl+C.
//
//   npx tsx scripts/03-looping-udp-server.ts    start this first,
//   npx tsx scripts/02-udp-client.ts            then this, in a second terminal, again and again

import dgram from 'node:dgram';

const HOST = '127.0.0.1'; // this machine itself: no other machine can reach a server bound here
const PORT = 7852;
const BUFFER_SIZE = 500; // bytes kept of a message; the rest is dropped, as by recvfrom(500)

// 1. Create the socket: UDP over IPv4.
const socket = dgram.createSocket('udp4');

// 2. Bind it to an address: port first, and no tuple. Node calls the function when it is bound.
socket.bind(PORT, HOST, () => console.log('Starting server.........'));

// Without this listener, a port that is taken would end the program with a stack trace.
socket.on('error', (error: NodeJS.ErrnoException) => {
  // Only one receive has failed (as Bun reports a client that is gone): no reason to end.
  if (error.syscall === 'recvmsg') {
    console.error(`UDP ${HOST}:${PORT}: ${error.message}`);
    return;
  }
  console.error(
    `Cannot bind UDP ${HOST}:${PORT} (${error.code}). ` +
      'Is another server running there? Stop it with Ctrl+C, then start this one again.',
  );
  process.exit(1);
});

// 3. Receive. What is "while True" in Python is "on" here, instead of "once": as long as the socket
//    is open, Node calls this function for every datagram.
socket.on('message', (datagram, sender) => {
  const text = datagram.subarray(0, BUFFER_SIZE).toString();
  console.log(text);

  // A sender can be forged. Answering port 0 would throw and end the server; answering our own
  // port, we would be talking to ourselves without end.
  const client = `${sender.address}:${sender.port}`;
  if (sender.port === 0 || sender.port === PORT) {
    console.error(`${client}: not answered`);
    return;
  }

  // 4. Answer the sender. If that fails, the server goes on.
  const answer = Buffer.from('Ich hab keine Hunge');
  socket.send(answer, sender.port, sender.address, (error) => {
    if (error) console.error(`${client}: ${error.message}`);
  });
});

// Without these listeners, Ctrl+C (SIGINT) or `kill` (SIGTERM) would end Node before its last line.
process.on('SIGINT', end);
process.on('SIGTERM', end);

function end() {
  console.log('Ending server........');
  process.exit(); // closes the socket, too
}
