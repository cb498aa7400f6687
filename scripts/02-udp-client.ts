// 02 UDP client: sends one message and prints the answer.
//
//   npx tsx scripts/02-udp-client.ts            start a server first: 01 or 03
//   npx tsx scripts/02-udp-client.ts "Hello"    sends a message of your own

import dgram from 'node:dgram';

const HOST = '127.0.0.1'; // where the server is
const PORT = 7852;
const BUFFER_SIZE = 200; // bytes kept of the answer
const TIMEOUT = 5_000; // milliseconds to wait for it

// 1. Create the socket. A client need not bind: the system gives it a free port when it sends.
const socket = dgram.createSocket('udp4');

// 2. Send to the server's address: there is no connection to set up. Only bytes travel, so the text
//    (the first argument of the command, if it has one) is encoded, as UTF-8.
const message = Buffer.from(process.argv[2] ?? 'I love jingjing');
socket.send(message, PORT, HOST, (error: NodeJS.ErrnoException | null) => {
  if (!error) return;
  console.error(
    `Cannot send ${message.length} bytes to UDP ${HOST}:${PORT} (${error.code}). ` +
      'Is the message too long, or the address wrong?',
  );
  process.exit(1);
});

// UDP never tells whether a message has arrived: without a limit, we could wait forever.
const timer = setTimeout(() => {
  console.error(
    `No answer from UDP ${HOST}:${PORT} in ${TIMEOUT / 1000} seconds. ` +
      'Start the server first: 01-udp-server.ts or 03-looping-udp-server.ts.',
  );
  process.exit(1);
}, TIMEOUT);

// 3. Receive the answer, and decode it.
socket.once('message', (datagram) => {
  console.log(datagram.subarray(0, BUFFER_SIZE).toString());
  clearTimeout(timer); // or it would still go off
  socket.close();
});
