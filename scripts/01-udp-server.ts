// 01 UDP server: takes one message, answers it, and ends.
//
//   npx tsx scripts/01-udp-server.ts    start this first,
//   npx tsx scripts/02-udp-client.ts    then this, in a second terminal

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
  console.error(
    `Cannot bind UDP ${HOST}:${PORT} (${error.code}). ` +
      'Is another server running there? Stop it with Ctrl+C, then start this one again.',
  );
  process.exit(1);
});

// 3. Receive. Python waits inside recvfrom(). Node does not wait: it calls this function when a
//    datagram (a UDP message) arrives, with the data and its sender. "once": the first one only.
socket.once('message', (datagram, sender) => {
  const data = datagram.subarray(0, BUFFER_SIZE); // Python: data[:500]
  console.log(data); // in hexadecimal, at most 50 bytes
  console.log(data.constructor.name); // Python: type(data)

  // Only bytes travel. Decoded, as UTF-8, they are text; where that fails, Python would raise an
  // exception, and Node puts a "�".
  const text = data.toString();
  console.log(typeof text);
  console.log(text);

  // A sender can be forged. Nobody is at port 0, and send() would throw.
  const client = `${sender.address}:${sender.port}`;
  if (sender.port === 0) {
    console.error(`${client}: not answered`);
    socket.close();
    return;
  }

  // 4. Answer the sender (optional: UDP expects no answer). Text is encoded before it is sent.
  const answer = Buffer.from('Ich hab keine Hunge');
  socket.send(answer, sender.port, sender.address, (error) => {
    if (error) console.error(`${client}: ${error.message}`);
    socket.close();
  });
});

// This is not the end yet: while a socket is open, Node goes on. Closing it lets the program end.
socket.on('close', () => console.log('Ending server........'));
