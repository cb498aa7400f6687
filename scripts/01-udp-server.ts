// 01 UDP server: takes one message, answers it, and ends.
//
//   npx tsx scripts/01-udp-server.ts    start this first,
//   npx tsx scripts/02-udp-client.ts    then this, in a second terminal

import dgram from 'node:dgram';

const HOST = '127.0.0.1'; // this machine itself: no other machine can reach it
const PORT = 7852;
const BUFFER_SIZE = 500; // bytes taken of a message; the rest is dropped, as recvfrom(500) does

// 1. Create the socket: UDP over IPv4.
const socket = dgram.createSocket('udp4');

// 2. Bind it to an address and a port. Once that is done, a client can reach it.
socket.bind(PORT, HOST, () => console.log('Starting server.........'));

// Without this listener a taken port would end the program with a stack trace.
socket.on('error', (error: NodeJS.ErrnoException) => {
  console.error(
    `Cannot bind UDP ${HOST}:${PORT} (${error.code}). ` +
      'Is another server running there? Stop it with Ctrl+C, then start this one again.',
  );
  process.exit(1);
});

// 3. Receive. Python waits inside recvfrom(). Node does not wait: it calls this function when a
//    datagram has come, with the data and its sender. "once" is for the first datagram only.
socket.once('message', (datagram, sender) => {
  const data = datagram.subarray(0, BUFFER_SIZE);
  console.log(data);
  console.log(data.constructor.name); // what Python's type(data) tells

  // Only bytes travel. Decoding them, as UTF-8 unless told otherwise, gives the text.
  const text = data.toString();
  console.log(typeof text);
  console.log(text);

  // A sender can be forged. Port 0 is no address: send() would throw, with a stack trace.
  if (sender.port === 0) {
    console.error(`${sender.address}:0: cannot be answered`);
    socket.close();
    return;
  }

  // 4. Answer the sender, if you like: UDP expects no answer. Text is encoded before it is sent.
  const answer = Buffer.from('Ich hab keine Hunge');
  socket.send(answer, sender.port, sender.address, () => socket.close());
});

socket.on('close', () => console.log('Ending server........'));
