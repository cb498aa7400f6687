// 03 Looping UDP server: answers every message, until Ctrl+C.
//
//   npx tsx scripts/03-looping-udp-server.ts    start this first,
//   npx tsx scripts/02-udp-client.ts            then this, in a second terminal, again and again

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
  // One datagram could not be received: no reason to end. (Bun says so when a client is gone.)
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

// 3. Receive. This is the loop: where Python says "while True", Node says "on" instead of "once",
//    and calls this function for every datagram.
socket.on('message', (datagram, sender) => {
  const text = datagram.subarray(0, BUFFER_SIZE).toString();
  console.log(text);

  // A sender can be forged. To port 0 send() would throw and end the server; to our own port we
  // would answer ourselves, then that answer, and so on without end.
  const client = `${sender.address}:${sender.port}`;
  if (sender.port === 0 || sender.port === PORT) {
    console.error(`${client}: cannot be answered`);
    return;
  }

  // 4. Answer the sender. If that fails, say so and go on: the next client may be luckier.
  const answer = Buffer.from('Ich hab keine Hunge');
  socket.send(answer, sender.port, sender.address, (error) => {
    if (error) console.error(`${client}: ${error.message}`);
  });
});

// Ctrl+C in the terminal is SIGINT; `kill`, or a system going down, sends SIGTERM.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    socket.close();
    console.log('Ending server........');
    process.exit();
  });
}
