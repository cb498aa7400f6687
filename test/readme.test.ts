// The README stays true: what it shows is run here, by copies of the scripts on ports of their own.

import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  HOST, Program, connect, copyWithPort, freePort, listen, project, run, serve, udp, windows,
} from './run.ts';

const readme = fs.readFileSync(path.join(project, 'README.md'), 'utf8').replaceAll('\r\n', '\n');

/** The fenced blocks of a kind, without the indentation that those in a list have. */
const blocks = (kind: string, text: string) =>
  [...text.matchAll(new RegExp(`^( *)\`\`\`${kind}\\n(.*?)^ *\`\`\`$`, 'gms'))].map(([, indent, body]) =>
    body!.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );

const withoutPorts = (text: string) => text.replace(/(127\.0\.0\.1(?:', |:))\d+/g, '$1PORT');

test('every npx tsx command names a script that exists', () => {
  const named = [...readme.matchAll(/npx\s+tsx\s+([^\s`]+)/g)].map(([, script]) => script!);
  expect(named.length).toBeGreaterThan(5);
  for (const script of named) expect(fs.existsSync(path.join(project, script)), script).toBe(true);
});

describe('every message that it explains is printed by a script', () => {
  const [, section] = readme.split('\n## When it does not work\n');
  const quoted = blocks('text', section!.split('\n## ')[0]!).flatMap((block) => block.trimEnd().split('\n'));

  // How each comes about: the slowest first, since some are made at the same time.
  const provoked: Record<string, () => Promise<string>> = {
    '127.0.0.1:54321: timed out': () => said04(connect),
    async 'Cannot bind UDP'() {
      const socket = await udp();
      const scripts = ['01-udp-server.ts', '03-looping-udp-server.ts'];
      const ends = await Promise.all(scripts.map((script) => run(copyWithPort(script, socket.address().port))));
      socket.close();
      expect(ends[0]!.stderr).toBe(ends[1]!.stderr);
      return ends[0]!.stderr;
    },
    'Cannot listen on TCP': () => withServer(() => {}, '04-tcp-server.ts'),
    async 'No answer from UDP'() {
      return (await run(copyWithPort('02-udp-client.ts', await freePort()))).stderr;
    },
    async 'No answer from TCP 127.0.0.1:8998 (ECONNREFUSED)'() {
      return (await run(copyWithPort('05-tcp-client.ts', await freePort()))).stderr;
    },
    'No answer from TCP 127.0.0.1:8998 (closed': () => withServer((connection) => connection.end()),
    'No answer from TCP 127.0.0.1:8998 (ECONNRESET)': () =>
      withServer((connection) => connection.once('data', () => connection.resetAndDestroy())),
    'No answer from TCP 127.0.0.1:8998 (not within': () => withServer(() => {}),
    async 'Cannot send 70000 bytes'() {
      return (await run('02-udp-client.ts', ['x'.repeat(70_000)])).stderr;
    },
    '127.0.0.1:54321: read ECONNRESET': () =>
      said04(async (port) => {
        const peer = await connect(port);
        peer.connection.write('x');
        await peer.ended;
        peer.connection.resetAndDestroy();
      }),
    async '127.0.0.1:0:'() {
      const port = await freePort();
      const forged = path.join(import.meta.dirname, 'forged.ts');
      const server = await serve(forged, [copyWithPort('03-looping-udp-server.ts', port)]);
      const socket = await udp();
      socket.send('from port 0', port, HOST);
      await server.until(({ stderr }) => stderr.includes('\n'));
      socket.close();
      return server.stderr;
    },
  };

  async function withServer(accepted: Parameters<typeof listen>[1], script = '05-tcp-client.ts') {
    const server = await listen(0, accepted);
    const { port } = server.address() as { port: number };
    const { stderr } = await run(copyWithPort(script, port));
    server.close();
    return stderr;
  }

  async function said04(client: (port: number) => Promise<unknown>) {
    const port = await freePort();
    const server: Program = await serve(copyWithPort('04-tcp-server.ts', port));
    await client(port);
    await server.until(({ stderr }) => stderr.includes('\n'));
    return server.stderr;
  }

  test('none is left out', () => {
    for (const line of quoted) expect(Object.keys(provoked).filter((start) => line.startsWith(start))).toHaveLength(1);
    expect(quoted).toHaveLength(Object.keys(provoked).length);
  });

  test.concurrent.each(Object.entries(provoked))('%s', { timeout: 50_000 }, async (start, provoke) => {
    if (windows && start.includes('70000')) return; // Windows takes no argument as long as that
    const line = quoted.find((line) => line.startsWith(start));
    expect(withoutPorts(await provoke())).toBe(withoutPorts(`${line}\n`));
  });
});

describe('every exchange prints what is shown', () => {
  // A block is a terminal: commands, and what each prints. One with a server begins an exchange, and
  // those that follow it are its clients.
  const runs = blocks('console', readme).flatMap((block) =>
    [...block.matchAll(/^\$ npx tsx scripts\/(\S+)(?: "(.*)")?\n((?:[^$].*\n|\n)*)/gm)].map(
      ([, script, argument, printed]) => ({ script: script!, args: argument ? [argument] : [], printed: printed! }),
    ),
  );
  const exchanges = runs
    .map(({ script, printed }, i) => {
      const after = runs.slice(i + 1);
      const next = after.findIndex(({ script }) => script.includes('server'));
      return { script, printed, clients: after.slice(0, next === -1 ? undefined : next) };
    })
    .filter(({ script }) => script.includes('server'));

  test('all of them are found', () => {
    expect(exchanges.map(({ script }) => script.slice(0, 2))).toEqual(expect.arrayContaining(['01', '03', '04']));
    for (const { clients } of exchanges) expect(clients).not.toEqual([]);
    expect(readme.match(/^ *\$ /gm)).toHaveLength(runs.length);
  });

  test.concurrent.each(exchanges)('$script', async ({ script, printed, clients }) => {
    const port = await freePort();
    const server = await serve(copyWithPort(script, port));
    for (const client of clients) {
      const { status, stdout } = await run(copyWithPort(client.script, port), client.args);
      expect(withoutPorts(stdout)).toBe(withoutPorts(client.printed));
      expect(status).toBe(0);
    }
    const [before, after] = printed.split('^C');
    if (after !== undefined) {
      expect(withoutPorts(server.stdout)).toBe(withoutPorts(before!));
      if (windows) return; // has no signal to send to a process
      server.signal('SIGINT');
    }
    const { status, stdout } = await server.ended;
    expect(withoutPorts(stdout)).toBe(withoutPorts(printed.replace('^C', '')));
    expect(status).toBe(0);
  });
});
