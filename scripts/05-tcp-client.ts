// 05 TCP client: connects, sends one message and prints the answer.
//
//   npx tsx scripts/05-tcp-client.ts            start the server first: 04
//   npx tsx scripts/05-tcp-client.ts "Hello"    sends a message of your own

import net from 'node:net';

const HOST = '127.0.0.1'; // where the server is
const PORT = 8998;
const BUFFER_SIZE = 500; // bytes taken of the answer
const TIMEOUT = 10_000; // milliseconds

function fail(cause: string): never {
  console.error(
    `No answer from TCP ${HOST}:${PORT} (${cause}). ` +
      'Is 04-tcp-server.ts running there? Start it first.',
  );
  process.exit(1);
}

// 1. Create the socket.
const socket = new net.Socket();

// 2. Connect to the server's address. Nobody there, or a connection that breaks, is an error.
socket.connect(PORT, HOST);
socket.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));

// Without a limit we would wait forever for a server that connects and then says nothing.
const timer = setTimeout(() => fail(`none in ${TIMEOUT / 1000} seconds`), TIMEOUT);

// 3. Send. Python waits inside connect(); Node keeps the message until the connection stands.
socket.write(process.argv[2] ?? 'I love wangxiaojing');

// 4. Receive. TCP keeps the order of the bytes but not the messages: one answer can come in many
//    pieces. Collect them first, decode them last: a cut may go through the middle of a character.
let answer = Buffer.alloc(0);
socket.on('data', (piece) => {
  answer = Buffer.concat([answer, piece]);
  if (answer.length >= BUFFER_SIZE) socket.destroy();
});

// 5. Close the connection when the server has closed its side.
socket.on('end', () => socket.destroy());
socket.on('close', () => {
  if (answer.length === 0) fail('closed without one');
  console.log(answer.subarray(0, BUFFER_SIZE).toString());
  clearTimeout(timer);
});
