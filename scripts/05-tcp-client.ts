// 05 TCP client: connects, sends one message and prints the answer.
//
//   npx tsx scripts/05-tcp-client.ts            start the server first: 04
//   npx tsx scripts/05-tcp-client.ts "Hello"    sends a message of your own

import net from 'node:net';

const HOST = '127.0.0.1'; // where the server is
const PORT = 8998;
const BUFFER_SIZE = 500; // bytes kept of the answer
const TIMEOUT = 10_000; // milliseconds to wait for it

// 1. Create the socket.
const socket = new net.Socket();

// 2. Connect to the server's address. If nobody is there, or the connection breaks later on, Node
//    emits "error".
socket.connect(PORT, HOST);
socket.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));

// Without a limit, we would wait forever for a server that accepts us and then says nothing.
const timer = setTimeout(() => fail(`not within ${TIMEOUT / 1000} seconds`), TIMEOUT);

// 3. Send the first argument of the command, if it has one: TCP cannot carry an empty message.
//    Python waits inside connect(); Node keeps the text until it is connected, and encodes it.
socket.write(process.argv[2] || 'I love wangxiaojing');

// 4. Receive. TCP keeps the order of the bytes, not the borders between messages: an answer can
//    come in pieces. Collect them, then decode: a cut may go through the middle of a character.
let answer = Buffer.alloc(0);
socket.on('data', (piece: Buffer) => {
  answer = Buffer.concat([answer, piece]);
  if (answer.length >= BUFFER_SIZE) socket.destroy();
});

// 5. Close the connection: when the server has closed its side, Node closes ours by itself.
socket.on('close', () => {
  if (answer.length === 0) fail('closed without one');
  console.log(answer.subarray(0, BUFFER_SIZE).toString());
  clearTimeout(timer); // or it would still go off
});

function fail(cause: string) {
  console.error(
    `No answer from TCP ${HOST}:${PORT} (${cause}). ` +
      'Is 04-tcp-server.ts running there? Start it first.',
  );
  process.exit(1);
}
