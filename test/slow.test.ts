// The limits of 5, 10 and 30 seconds, for real and all at the same time. The scripts here are copies
// with nothing changed but the port, so that they can run beside the tests that use the chapter's.

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { HOST, connect, copyWithPort, exchange, freePort, listen, received, run, serve, udp } from './run.ts';

test.concurrent('02 gives up after 5 seconds without an answer', async () => {
  const silent = await udp();
  const { port } = silent.address();
  const client = run(copyWithPort('02-udp-client.ts', port));
  await once(silent, 'message');
  const sent = performance.now();
  const { seconds: _, ...end } = await client;
  const seconds = (performance.now() - sent) / 1000;
  expect(end).toEqual({
    status: 1,
    stdout: '',
    stderr:
      `No answer from UDP ${HOST}:${port} in 5 seconds. ` +
      'Start the server first: 01-udp-server.ts or 03-looping-udp-server.ts.\n',
  });
  expect(seconds).toBeGreaterThan(4.5);
  expect(seconds).toBeLessThan(7);
  silent.close();
});

test.concurrent('02 gives up after 5 seconds where nobody is', async () => {
  const closed = await udp();
  const { port } = closed.address();
  closed.close();
  const { seconds, status, stderr } = await run(copyWithPort('02-udp-client.ts', port));
  expect(status).toBe(1);
  expect(stderr).toMatch(/^No answer from UDP .+ Start the server first: .+\n$/);
  expect(seconds).toBeGreaterThan(4.9);
});

test.concurrent.each([
  ['is silent', () => {}],
  ['sends a byte now and then', (send: () => void) => setInterval(send, 500).unref()],
])('05 gives up after 10 seconds when the server %s', async (_name, answer) => {
  const server = await listen(0, (connection) => answer(() => connection.write('x')));
  const { port } = server.address() as AddressInfo;
  const client = run(copyWithPort('05-tcp-client.ts', port));
  await once(server, 'connection');
  const connected = performance.now();
  const { seconds: _, ...end } = await client;
  const seconds = (performance.now() - connected) / 1000;
  expect(end).toEqual({
    status: 1,
    stdout: '',
    stderr: `No answer from TCP ${HOST}:${port} (not within 10 seconds). Is 04-tcp-server.ts running there? Start it first.\n`,
  });
  expect(seconds).toBeGreaterThan(9.5);
  expect(seconds).toBeLessThan(12);
  server.close();
});

test.concurrent('04 lets go after 30 seconds of who is silent, does not leave, or goes on sending', async () => {
  const port = await freePort();
  const server = await serve(copyWithPort('04-tcp-server.ts', port));
  const [silent, staying, endless] = await Promise.all([connect(port), connect(port), connect(port)]);
  const connected = performance.now();
  staying.connection.write('I stay');
  const sending = setInterval(() => endless.connection.write('more'), 100);

  const timedOut = [silent, staying, endless].map(async ({ port }) => {
    await server.until(({ stderr }) => stderr.includes(`${HOST}:${port}: timed out\n`));
    return (performance.now() - connected) / 1000;
  });
  for (const seconds of await Promise.all(timedOut)) {
    expect(seconds).toBeGreaterThan(29.5);
    expect(seconds).toBeLessThan(33);
  }
  clearInterval(sending);
  expect(silent).toMatchObject({ received: '', error: '' });
  expect(staying).toMatchObject({ received: received('I stay', staying.port), error: '' });

  const { port: mine, answer } = await exchange('still there?', port);
  expect(answer).toBe(received('still there?', mine));
}, 60_000);
