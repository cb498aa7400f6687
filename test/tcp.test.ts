import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  HOST, TCP_PORT, asTyped, connect, copier, exchange, folders, killAll, listen, received, run, runner, runtime, serve, windows,
  type Peer, type Program,
} from './run.ts';

const STARTING = 'Starting tcp server.......';
const ENDING = 'Ending tcp server.......';

const messages: [string, string | Buffer, string][] = [
  ['plain text', 'I love wangxiaojing', 'I love wangxiaojing'],
  ['Chinese', '我爱王小静', '我爱王小静'],
  ['emoji', 'I ❤️ 小静 👩‍👩‍👧', 'I ❤️ 小静 👩‍👩‍👧'],
  ['500 bytes', 'x'.repeat(500), 'x'.repeat(500)],
  ['501 bytes', `${'x'.repeat(500)}y`, 'x'.repeat(500)],
  ['a character across byte 500', `${'x'.repeat(499)}我`, `${'x'.repeat(499)}\uFFFD`],
  ['bytes that are not UTF-8', Buffer.from([0x61, 0xff, 0x62]), 'a\uFFFDb'],
  ['a megabyte', 'x'.repeat(1_000_000), 'x'.repeat(500)],
];

const SHOWN = /^Received msg: I love wangxiaojing from \('127\.0\.0\.1', \d+\)\n$/;

test('04 and 05 talk with each other, three times', async () => {
  const server = await serve('04-tcp-server.ts', [], asTyped);
  let printed = `${STARTING}\n`;
  for (let i = 0; i < 3; i++) {
    const client = await run('05-tcp-client.ts', [], asTyped);
    expect(client).toMatchObject({ status: 0, stdout: expect.stringMatching(SHOWN), stderr: '' });
    printed += client.stdout;
  }
  await expect.poll(() => server).toMatchObject({ stdout: printed, stderr: '' });
  await server.kill();
});

test.each(folders)('04 and 05 do the same as copies in %s', async (_, packageJson) => {
  const copy = copier(packageJson);
  const server = await serve(copy('04-tcp-server.ts'), [], asTyped);
  const client = await run(copy('05-tcp-client.ts'), [], asTyped);
  expect(client).toMatchObject({ status: 0, stdout: expect.stringMatching(SHOWN), stderr: '' });
  await expect.poll(() => server).toMatchObject({ stdout: `${STARTING}\n${client.stdout}`, stderr: '' });
  await server.kill();
});

describe('04 TCP server', () => {
  // One server for all of it: after each of these it is the same process that answers a plain client.
  let server: Program;
  beforeAll(async () => {
    server = await serve('04-tcp-server.ts');
    expect(server.stdout).toBe(`${STARTING}\n`);
  });
  afterEach(async () => {
    const { port, answer } = await exchange('still there?');
    expect(answer).toBe(received('still there?', port));
    expect(server.stdout).not.toContain('undefined');
    expect(server.stderr).not.toContain('undefined');
  });
  afterAll(killAll);

  test.each(messages)('answers %s, and prints the answer', async (_, message, text) => {
    const printed = server.stdout;
    const { port, answer } = await exchange(message);
    expect(answer).toBe(received(text, port));
    await expect.poll(() => server.stdout).toBe(`${printed}${answer}\n`);
    expect(server.stderr).toBe('');
  });

  test('answers 100 clients at once', async () => {
    const texts = Array.from({ length: 100 }, (_, i) => `client ${i}`);
    const answers = await Promise.all(texts.map((text) => exchange(text)));
    expect(answers.map(({ answer }) => answer)).toEqual(answers.map(({ port }, i) => received(`client ${i}`, port)));
    for (const { answer } of answers) await expect.poll(() => server.stdout).toContain(`\n${answer}\n`);
  });

  test('answers others while a client is silent', async () => {
    const silent = await connect();
    const { port, answer } = await exchange('not silent');
    expect(answer).toBe(received('not silent', port));
    silent.connection.write('at last');
    await silent.ended;
    expect(silent.received).toBe(received('at last', silent.port));
    silent.connection.destroy();
  });

  test('answers others while a client sends without end', async () => {
    const endless = await connect();
    const send = () => {
      while (endless.connection.write(Buffer.alloc(65_536)));
      endless.connection.once('drain', send);
    };
    send();
    await endless.ended; // the server has answered and closed its side; the flood goes on
    for (let i = 0; i < 10; i++) {
      const { port, answer } = await exchange('meanwhile');
      expect(answer).toBe(received('meanwhile', port));
    }
    endless.connection.destroy();
  });

  test('takes the first piece of a message sent byte by byte, and reads on', async () => {
    const peer = await connect();
    peer.connection.setNoDelay().write('a');
    await peer.ended;
    for (const byte of 'bcdefgh') await new Promise((sent) => peer.connection.write(byte, sent));
    peer.connection.end();
    await peer.closed;
    expect(peer).toMatchObject({ received: expect.stringMatching(/^Received msg: a from /), error: '' });
  });

  test('answers a client that has closed its side after its message', async () => {
    const peer = await connect();
    const { port } = peer;
    peer.connection.end('over to you');
    await peer.closed;
    expect(peer).toMatchObject({ received: received('over to you', port), error: '' });
  });

  test('closes when a client closes its side and has sent nothing', async () => {
    const peer = await connect();
    peer.connection.end();
    await peer.closed;
    expect(peer).toMatchObject({ received: '', error: '' });
  });

  test('says nothing about clients that simply leave', async () => {
    const before = server.stderr;
    const silent = await connect();
    silent.connection.destroy();
    const answered = await connect();
    answered.connection.write('bye');
    await answered.ended;
    answered.connection.destroy();
    await exchange('next');
    expect(server.stderr).toBe(before);
  });

  const resets: [string, (peer: Peer) => Promise<unknown>][] = [
    ['before it sends', async () => exchange('by now the other is accepted')],
    ['after its answer', async ({ connection, ended }) => connection.write('x') && ended],
  ];
  test.each(resets)('names a client that resets %s, and the cause', async (_, before) => {
    const peer = await connect();
    const client = `${HOST}:${peer.port}: `;
    await before(peer);
    peer.connection.resetAndDestroy();
    await server.until(({ stderr }) => stderr.includes(client));
    expect(server.stderr.split('\n').filter((line) => line.startsWith(client))).toEqual([
      expect.stringContaining('ECONNRESET'),
    ]);
  });

  test('goes on when clients reset at once, or right after their message', async () => {
    for (let i = 0; i < 20; i++) {
      (await connect()).connection.resetAndDestroy();
      const peer = await connect();
      peer.connection.write('x', () => peer.connection.resetAndDestroy());
      await peer.closed;
    }
  });

  test('is not disturbed by a second one, which names the taken port', async () => {
    expect(await run('04-tcp-server.ts')).toMatchObject({
      status: 1,
      stdout: '',
      stderr:
        `Cannot listen on TCP ${HOST}:${TCP_PORT} (EADDRINUSE). ` +
        'Is another server running there? Stop it with Ctrl+C, then start this one again.\n',
    });
  });

  test('holds 10,000 idle connections, and the others notice nothing', async () => {
    // As many as this process, and so the server, may open files.
    const { userLimits } = process.report.getReport() as { userLimits?: { open_files: { soft: number | string } } };
    const limit = Number(userLimits?.open_files.soft ?? 'unlimited');
    const count = Math.min(10_000, (limit || Infinity) - 500);
    const idle: Peer[] = [];
    while (idle.length < count) {
      idle.push(...(await Promise.all(Array.from({ length: 100 }, () => connect()))));
    }
    const answers = await Promise.all(Array.from({ length: 100 }, () => exchange('busy')));
    for (const { port, answer } of answers) expect(answer).toBe(received('busy', port));
    expect(idle.filter(({ connection }) => connection.destroyed || connection.readableEnded)).toEqual([]);
    for (const { connection } of idle) connection.destroy();
    await Promise.all(idle.map(({ closed }) => closed));
  });
});

describe('04 TCP server, starting and ending', () => {
  afterEach(killAll);

  // Windows has no signal to send to a process.
  test.skipIf(windows).each(['SIGINT', 'SIGTERM'] as const)(
    'ends on %s, also when it comes twice, and closes open connections',
    async (signal) => {
      const server = await serve('04-tcp-server.ts');
      const silent = await connect();
      const answered = await connect();
      answered.connection.write('x');
      await answered.ended;
      const line = `${answered.received}\n`;
      server.signal(signal);
      server.signal(signal);
      expect(await server.ended).toMatchObject({ status: 0, stdout: `${STARTING}\n${line}${ENDING}\n`, stderr: '' });
      silent.connection.end();
      answered.connection.end();
      await Promise.all([silent.closed, answered.closed]);
    },
  );

  test('binds at once when it is started again right after it has served', async () => {
    for (let i = 0; i < 2; i++) {
      const server = await serve('04-tcp-server.ts');
      const { port, answer } = await exchange('x');
      expect(answer).toBe(received('x', port));
      await server.kill();
    }
  });

  // Windows sets a process no limit of this kind.
  test.skipIf(windows)('outlives more clients than it may have file descriptors', async () => {
    const server = await serve('04-tcp-server.ts', [], ['sh', '-c', 'ulimit -n 64; exec "$@"', 'sh', ...runner]);
    const first = await connect();
    const crowd = Array.from({ length: 100 }, () => connect());
    await Promise.all(crowd);
    first.connection.write('I was first');
    await first.ended;
    expect(first.received).toBe(received('I was first', first.port));

    for (const peer of [first, ...(await Promise.all(crowd))]) {
      peer.connection.end();
      // Deno never accepts again once it has run out of descriptors, and says nothing about it.
      if (runtime !== 'deno') await peer.closed;
    }
    if (runtime !== 'deno') {
      const { port, answer } = await exchange('and now?');
      expect(answer).toBe(received('and now?', port));
    }
    expect(server.stderr).not.toContain('    at ');
  });
});

describe('05 TCP client', () => {
  test.each([
    ['its own message', [], 'I love wangxiaojing'],
    ['its first argument', ['我 ❤️ 小静', 'not this'], '我 ❤️ 小静'],
    ['its own message in place of an empty one', [''], 'I love wangxiaojing'],
  ])('sends %s and prints the answer', async (_, args, message) => {
    const server = await listen(TCP_PORT, (connection) => {
      connection.once('data', (data) => connection.end(`<${data}>`));
    });
    expect(await run('05-tcp-client.ts', args)).toMatchObject({ status: 0, stdout: `<${message}>\n`, stderr: '' });
    server.close();
    await once(server, 'close'); // the client has closed its side, too
  });

  test('prints an answer in pieces whole, with a character cut in two', async () => {
    const [start, end] = [Buffer.from('我爱').subarray(0, 4), Buffer.from('我爱').subarray(4)];
    const server = await listen(TCP_PORT, async (connection) => {
      connection.setNoDelay().write(start);
      await once(connection, 'data'); // the client is there, and has the first piece long before the second
      setTimeout(() => connection.end(end), 100);
    });
    expect(await run('05-tcp-client.ts')).toMatchObject({ status: 0, stdout: '我爱\n', stderr: '' });
    server.close();
    await once(server, 'close');
  });

  test.each([
    ['500 bytes', 'x'.repeat(500), 'x'.repeat(500)],
    ['501 bytes', `${'x'.repeat(500)}y`, 'x'.repeat(500)],
    ['100,000 bytes', 'x'.repeat(100_000), 'x'.repeat(500)],
    ['a character across byte 500', `${'x'.repeat(499)}我`, `${'x'.repeat(499)}\uFFFD`],
  ])('takes %s of a server that does not close, and closes', async (_, answer, text) => {
    const server = await listen(TCP_PORT, (connection) => connection.once('data', () => connection.write(answer)));
    const { seconds, ...end } = await run('05-tcp-client.ts');
    expect(end).toEqual({ status: 0, stdout: `${text}\n`, stderr: '' });
    expect(seconds).toBeLessThan(9);
    server.close();
    await once(server, 'close');
  });

  test.each([
    ['closes without an answer', 'closed without one', (connection: import('node:net').Socket) => connection.end()],
    ['resets the connection', 'ECONNRESET', (connection: import('node:net').Socket) => connection.resetAndDestroy()],
  ])('says so at once when the server %s', async (_, cause, end) => {
    const server = await listen(TCP_PORT, (connection) => connection.once('data', () => end(connection)));
    const { seconds, ...result } = await run('05-tcp-client.ts');
    expect(result).toEqual({ status: 1, stdout: '', stderr: noAnswer(cause) });
    expect(seconds).toBeLessThan(9);
    server.close();
  });

  test('says so at once when nobody is there', async () => {
    const { seconds, ...result } = await run('05-tcp-client.ts');
    expect(result).toEqual({ status: 1, stdout: '', stderr: noAnswer('ECONNREFUSED') });
    expect(seconds).toBeLessThan(9);
  });
});

const noAnswer = (cause: string) =>
  `No answer from TCP ${HOST}:${TCP_PORT} (${cause}). Is 04-tcp-server.ts running there? Start it first.\n`;
