// Starts the scripts as a reader does, as processes, and holds the plain peers that talk to them.

import { spawn, spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import { EventEmitter, once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { afterAll } from 'vitest';

export const HOST = '127.0.0.1';
export const UDP_PORT = 7852;
export const TCP_PORT = 8998;
export const ANSWER = 'Ich hab keine Hunge';
export const windows = process.platform === 'win32';

export const project = path.dirname(import.meta.dirname);
export const scripts = path.join(project, 'scripts');

// The command that runs a script: RUNNER="node", "deno run -A", "bun", or tsx of the project. Its
// command is as a reader has it, a process in front of the script's own; it kills a script that does
// not end within 60 ms of a signal. So where a test is not about tsx, Node loads tsx into one process.
const tsx = path.join(project, 'node_modules', 'tsx', 'dist');
export const asTyped = process.env.RUNNER?.split(' ') ?? [process.execPath, path.join(tsx, 'cli.mjs')];
export const runner = process.env.RUNNER
  ? asTyped
  : [process.execPath, '--import', pathToFileURL(path.join(tsx, 'loader.mjs')).href];
export const runtime = process.env.RUNNER ? path.basename(asTyped[0]!) : 'tsx';

/** A script that runs: what it has printed so far, and ways to wait for more. */
export class Program {
  stdout = '';
  stderr = '';
  readonly started = performance.now();
  readonly ended: Promise<{ status: number | null; stdout: string; stderr: string; seconds: number }>;
  readonly #child;
  readonly #script;
  readonly #printed = new EventEmitter().setMaxListeners(0);

  constructor(script: string, args: string[] = [], [command, ...commandArgs] = runner) {
    this.#script = script;
    const file = path.resolve(scripts, script);
    const child = spawn(command!, [...commandArgs, file, ...args], { cwd: path.dirname(file) });
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#printed.emit('more');
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += stripVTControlCharacters(text);
      this.#printed.emit('more');
    });
    this.ended = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status) => {
        const seconds = (performance.now() - this.started) / 1000;
        resolve({ status, stdout: this.stdout, stderr: this.stderr, seconds });
      });
    });
    running.add(this);
    this.ended.finally(() => running.delete(this)).catch(() => {});
  }

  /** Waits until the output has what is looked for. A program that ends before makes the wait fail. */
  async until(found: (program: this) => boolean): Promise<this> {
    const seen = new Promise<void>((resolve) => {
      const look = () => found(this) && resolve();
      this.#printed.on('more', look);
      look();
    });
    const over = this.ended.then(({ status }) => {
      if (!found(this)) {
        throw new Error(`${this.#script} ended (${status}) and printed:\n${this.stdout}${this.stderr}`);
      }
    });
    await Promise.race([seen, over]);
    return this;
  }

  signal(name: NodeJS.Signals) {
    this.#child.kill(name);
  }

  /** Ends the program by force, with the processes that it started. */
  async kill() {
    if (windows) spawnSync('taskkill', ['/pid', `${this.#child.pid}`, '/t', '/f']);
    else this.signal('SIGTERM');
    await this.ended;
  }
}

const running = new Set<Program>();
export const killAll = () => Promise.all([...running].map((program) => program.kill()));

/** Runs a script to its end. */
export const run = (script: string, args?: string[], command?: string[]) => new Program(script, args, command).ended;

/** Starts a server and waits until it says that a client may start now. */
export const serve = (script: string, args?: string[], command?: string[]) =>
  new Program(script, args, command).until(({ stdout }) => stdout.includes('Starting'));

const made = fs.mkdtempSync(path.join(os.tmpdir(), 'socket-'));
afterAll(async () => {
  await killAll();
  fs.rmSync(made, { recursive: true, force: true });
});
const folder = () => fs.mkdtempSync(path.join(made, 'folder-'));

/** The folders that a reader may copy a script to, and the package.json in them. */
export const folders: [string, string | null][] = [
  ['an empty folder', null],
  ['a folder made by npm init -y', '{ "name": "mine", "version": "1.0.0", "type": "commonjs" }'],
  ['a folder with "type": "module"', '{ "name": "mine", "version": "1.0.0", "type": "module" }'],
];
// Plain Node takes a .ts file under "type": "commonjs" for CommonJS, which has no import.
if (runtime === 'node') folders.splice(1, 1);

/** Makes a folder of the reader's, and gives what copies a script there, alone. */
export function copier(packageJson: string | null): (script: string) => string {
  const place = folder();
  if (packageJson) fs.writeFileSync(path.join(place, 'package.json'), packageJson);
  return (script) => {
    const copy = path.join(place, script);
    fs.copyFileSync(path.join(scripts, script), copy);
    return copy;
  };
}

/** A copy of a script in which nothing is changed but the port, so that it can run beside the others. */
export function copyWithPort(script: string, port: number): string {
  const source = fs.readFileSync(path.join(scripts, script), 'utf8');
  const copy = path.join(folder(), script);
  fs.writeFileSync(copy, source.replace(/(?<=^const PORT = )\d+/m, `${port}`));
  return copy;
}

let nextPort = 20_000 + 1_000 * Number(process.env.VITEST_POOL_ID);

/** A port that is free. It is below those that the system gives to clients: here come 10,000 of them. */
export async function freePort(): Promise<number> {
  const port = nextPort++;
  try {
    (await listen(port, () => {})).close();
    (await udp(port)).close();
    return port;
  } catch {
    return freePort();
  }
}

// The plain peers.

/** A UDP socket of the test's, bound to a free port or to the one given. */
export async function udp(port = 0): Promise<dgram.Socket> {
  const socket = dgram.createSocket('udp4');
  socket.bind(port, HOST);
  await once(socket, 'listening');
  return socket;
}

/** Sends a datagram to the server and gives its answer. */
export async function ask(message: string | Buffer): Promise<string> {
  const socket = await udp();
  socket.send(message, UDP_PORT, HOST);
  const [answer] = await once(socket, 'message');
  socket.close();
  return String(answer);
}

/** A TCP server of the test's that does with each connection what it is given to do. */
export async function listen(port: number, accepted: (connection: net.Socket) => void): Promise<net.Server> {
  const server = net.createServer((connection) => {
    connection.on('error', () => {});
    accepted(connection);
  });
  server.listen(port, HOST);
  await once(server, 'listening');
  return server;
}

/** A connection to the server: what came over it so far, and how it ended. */
export class Peer {
  received = '';
  error = '';
  readonly connection;
  readonly ended;
  readonly closed;

  constructor(port = TCP_PORT) {
    // Half open: the test closes its side when it wants to, not when the server does.
    this.connection = net.connect({ port, host: HOST, allowHalfOpen: true });
    this.connection.setEncoding('utf8').on('data', (text: string) => (this.received += text));
    this.connection.on('error', (error: NodeJS.ErrnoException) => (this.error = error.code ?? error.message));
    this.ended = new Promise((resolve) => this.connection.on('end', resolve));
    this.closed = new Promise((resolve) => this.connection.on('close', resolve));
  }

  get port() {
    return this.connection.localPort!;
  }
}

/** A peer whose connection stands. */
export async function connect(port?: number): Promise<Peer> {
  const peer = new Peer(port);
  await once(peer.connection, 'connect');
  return peer;
}

/** What a plain client sees that sends a message and takes the answer until the server closes. */
export async function exchange(message: string | Buffer, port?: number): Promise<{ port: number; answer: string }> {
  const peer = await connect(port);
  const mine = peer.port;
  peer.connection.write(message);
  await Promise.race([peer.ended, peer.closed]);
  peer.connection.end();
  await peer.closed;
  return { port: mine, answer: peer.received + peer.error };
}

export const received = (message: string, port: number) =>
  `Received msg: ${message} from ('${HOST}', ${port})`;
