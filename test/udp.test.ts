import { once } from 'node:events';
import { inspect } from 'node:util';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import {
  ANSWER, HOST, UDP_PORT, asTyped, ask, copier, folders, killAll, run, runtime, serve, udp, windows,
} from './run.ts';

afterEach(killAll);

const STARTING = 'Starting server.........';
const ENDING = 'Ending server........';
const LIMIT = 500;

const TAKEN =
  `Cannot bind UDP ${HOST}:${UDP_PORT} (EADDRINUSE). ` +
  'Is another server running there? Stop it with Ctrl+C, then start this one again.\n';

const messages: [string, string | Buffer, string][] = [
  ['plain text', 'I love jingjing', 'I love jingjing'],
  ['Chinese', '我爱静静', '我爱静静'],
  ['emoji', 'I ❤️ 静静 👩‍👩‍👧', 'I ❤️ 静静 👩‍👩‍👧'],
  ['500 bytes', 'x'.repeat(500), 'x'.repeat(500)],
  ['501 bytes', `${'x'.repeat(500)}y`, 'x'.repeat(500)],
  ['a character across byte 500', `${'x'.repeat(499)}我`, `${'x'.repeat(499)}\uFFFD`],
  ['bytes that are not UTF-8', Buffer.from([0x61, 0xff, 0x62]), 'a\uFFFDb'],
  ['nothing', '', ''],
  ['the largest datagram', 'x'.repeat(process.platform === 'darwin' ? 9216 : 65_507), 'x'.repeat(500)],
];

const SHOWN = [
  STARTING, '<Buffer 49 20 6c 6f 76 65 20 6a 69 6e 67 6a 69 6e 67>', 'Buffer', 'string', 'I love jingjing', ENDING, '',
].join('\n');

test('01 and 02 talk with each other', async () => {
  const server = await serve('01-udp-server.ts', [], asTyped);
  expect(await run('02-udp-client.ts', [], asTyped)).toMatchObject({ status: 0, stdout: `${ANSWER}\n`, stderr: '' });
  expect(await server.ended).toMatchObject({ status: 0, stdout: SHOWN, stderr: '' });
});

test('03 and 02 talk with each other, three times', async () => {
  const server = await serve('03-looping-udp-server.ts', [], asTyped);
  for (let i = 0; i < 3; i++) {
    expect(await run('02-udp-client.ts', [], asTyped)).toMatchObject({ status: 0, stdout: `${ANSWER}\n`, stderr: '' });
  }
  await expect.poll(() => server).toMatchObject({ stdout: `${STARTING}\n${'I love jingjing\n'.repeat(3)}`, stderr: '' });
});

test.each(folders)('01, 02 and 03 do the same as copies in %s', async (_, packageJson) => {
  const copy = copier(packageJson);
  const server = await serve(copy('01-udp-server.ts'), [], asTyped);
  expect(await run(copy('02-udp-client.ts'), [], asTyped)).toMatchObject({
    status: 0, stdout: `${ANSWER}\n`, stderr: '',
  });
  expect(await server.ended).toMatchObject({ status: 0, stdout: SHOWN, stderr: '' });

  const looping = await serve(copy('03-looping-udp-server.ts'), [], asTyped);
  expect(await ask('我爱静静')).toBe(ANSWER);
  await expect.poll(() => looping).toMatchObject({ stdout: `${STARTING}\n我爱静静\n`, stderr: '' });
});

describe('01 UDP server', () => {
  test.each(messages.slice(2, 7))('prints and answers %s', async (_, message, text) => {
    const server = await serve('01-udp-server.ts');
    expect(server.stdout).toBe(`${STARTING}\n`);
    expect(await ask(message)).toBe(ANSWER);
    const bytes = Buffer.from(message).subarray(0, LIMIT);
    expect(await server.ended).toMatchObject({
      status: 0,
      stdout: [STARTING, inspect(bytes), 'Buffer', 'string', text, ENDING, ''].join('\n'),
      stderr: '',
    });
  });

  test('takes one message only', async () => {
    const server = await serve('01-udp-server.ts');
    const socket = await udp();
    for (const message of ['first', 'second', 'third']) socket.send(message, UDP_PORT, HOST);
    const { stdout } = await server.ended;
    expect(stdout).toBe(`${STARTING}\n<Buffer 66 69 72 73 74>\nBuffer\nstring\nfirst\n${ENDING}\n`);
    socket.close();
  });

  test('names a taken port, and leaves its holder alone', async () => {
    const server = await serve('01-udp-server.ts');
    expect(await run('01-udp-server.ts')).toMatchObject({ status: 1, stdout: '', stderr: TAKEN });
    expect(await ask('still there?')).toBe(ANSWER);
    expect(await server.ended).toMatchObject({ status: 0, stderr: '' });
  });

  test('ends as ever when the sender has port 0', async () => {
    const server = await serveForged('01-udp-server.ts');
    const socket = await udp();
    socket.send('from port 0', UDP_PORT, HOST);
    const { status, stdout, stderr } = await server.ended;
    expect(stdout).toMatch(/\nfrom port 0\nEnding server\.{8}\n$/);
    expect({ status, stderr }).toEqual({ status: 0, stderr: `${HOST}:0: not answered\n` });
    socket.close();
  });
});

describe('02 UDP client', () => {
  test.each([
    ['its own message', [], 'I love jingjing'],
    ['its first argument', ['我 ❤️ 静静', 'not this'], '我 ❤️ 静静'],
    ['an empty message', [''], ''],
  ])('sends %s and prints the answer', async (_, args, message) => {
    const server = await udp(UDP_PORT);
    const client = run('02-udp-client.ts', args);
    const [datagram, sender] = await once(server, 'message');
    expect(String(datagram)).toBe(message);
    server.send(ANSWER, sender.port, sender.address);
    expect(await client).toMatchObject({ status: 0, stdout: `${ANSWER}\n`, stderr: '' });
    server.close();
  });

  test('prints one answer, of it the first 200 bytes', async () => {
    const answers: Record<string, [answer: string | Buffer, text: string]> = {
      'an empty answer': ['', ''],
      '200 bytes': ['x'.repeat(200), 'x'.repeat(200)],
      '201 bytes': [`${'x'.repeat(200)}y`, 'x'.repeat(200)],
      'a character across byte 200': [`${'x'.repeat(199)}我`, `${'x'.repeat(199)}\uFFFD`],
      'bytes that are not UTF-8': [Buffer.from([0x61, 0xff, 0x62]), 'a\uFFFDb'],
    };
    const server = await udp(UDP_PORT);
    server.on('message', (datagram, sender) => {
      const [answer] = answers[String(datagram)]!;
      server.send(answer, sender.port, sender.address);
      server.send('a second answer', sender.port, sender.address);
    });
    const clients = Object.keys(answers).map((message) => run('02-udp-client.ts', [message]));
    const texts = Object.values(answers).map(([, text]) => text);
    expect(await Promise.all(clients)).toMatchObject(
      texts.map((text) => ({ status: 0, stdout: `${text}\n`, stderr: '' })),
    );
    server.close();
  });

  // Windows takes no argument as long as this.
  test.skipIf(windows)('refuses at once a message too large for a datagram', async () => {
    const { status, stdout, stderr, seconds } = await run('02-udp-client.ts', ['x'.repeat(70_000)]);
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: '',
      stderr: `Cannot send 70000 bytes to UDP ${HOST}:${UDP_PORT} (EMSGSIZE). Is the message too long, or the address wrong?\n`,
    });
    expect(seconds).toBeLessThan(4);
  });
});

describe('03 looping UDP server', () => {
  test('answers whatever comes, prints it, a line a message, and goes on', async () => {
    const server = await serve('03-looping-udp-server.ts');
    for (const [, message] of messages) expect(await ask(message)).toBe(ANSWER);
    await expect.poll(() => server.stdout).toBe([STARTING, ...messages.map(([, , text]) => text), ''].join('\n'));
    expect(server.stderr).toBe('');
  });

  test('answers 100 clients at once', async () => {
    const server = await serve('03-looping-udp-server.ts');
    const texts = Array.from({ length: 100 }, (_, i) => `client ${i}`);
    expect(new Set(await Promise.all(texts.map(ask)))).toEqual(new Set([ANSWER]));
    await expect.poll(() => server.stdout.trimEnd().split('\n').slice(1).sort()).toEqual(texts.sort());
  });

  test('goes on when a client is gone before its answer', async () => {
    const server = await serve('03-looping-udp-server.ts');
    const socket = await udp();
    socket.send('gone', UDP_PORT, HOST, () => socket.close());
    await server.until(({ stdout }) => stdout.includes('gone\n'));
    // Bun has the kernel report answers that found nobody, and what it sends before the report is lost.
    if (runtime === 'bun') await server.until(({ stderr }) => stderr.includes('ECONNREFUSED'));
    expect(await ask('still there?')).toBe(ANSWER);
  });

  test.each([0, UDP_PORT])('goes on when the sender has port %i, and does not answer it', async (port) => {
    const server = await serveForged('03-looping-udp-server.ts');
    const socket = await udp();
    socket.send(`from port ${port}`, UDP_PORT, HOST);
    await server.until(({ stderr }) => stderr.includes('\n'));
    expect(await ask('still there?')).toBe(ANSWER);
    await expect.poll(() => server.stdout).toBe([STARTING, `from port ${port}`, 'still there?', ''].join('\n'));
    expect(server.stderr).toBe(`${HOST}:${port}: not answered\n`);
    socket.close();
  });

  // Linux refuses to send to a broadcast address; other systems may drop it without a word.
  test.skipIf(process.platform !== 'linux')('goes on when its answer cannot be sent', async () => {
    const server = await serveForged('03-looping-udp-server.ts');
    const socket = await udp();
    socket.send('from 127.255.255.255', UDP_PORT, HOST);
    await server.until(({ stderr }) => stderr.includes('\n'));
    expect(server.stderr).toMatch(/^127\.255\.255\.255:\d+: .+\n$/);
    expect(await ask('still there?')).toBe(ANSWER);
    socket.close();
  });

  test('names a taken port, and leaves its holder alone', async () => {
    await serve('03-looping-udp-server.ts');
    expect(await run('03-looping-udp-server.ts')).toMatchObject({ status: 1, stdout: '', stderr: TAKEN });
    expect(await ask('still there?')).toBe(ANSWER);
  });

  // Windows has no signal to send to a process.
  test.skipIf(windows).each(['SIGINT', 'SIGTERM'] as const)('ends on %s, also when it comes twice', async (signal) => {
    const server = await serve('03-looping-udp-server.ts');
    server.signal(signal);
    server.signal(signal);
    expect(await server.ended).toMatchObject({ status: 0, stdout: `${STARTING}\n${ENDING}\n`, stderr: '' });
  });
});

/** Starts a server that takes each datagram for one from the sender that its text names. */
const serveForged = (script: string) => serve(path.join(import.meta.dirname, 'forged.ts'), [script]);
