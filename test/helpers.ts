// What the tests share: the scripts as processes, and plain sockets as the
// other end.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import dgram from "node:dgram";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { expect, onTestFailed, onTestFinished, vi } from "vitest";

vi.setConfig({ testTimeout: 60_000 }); // Each wait has a limit of its own.

export const windows = process.platform === "win32";
export const linux = process.platform === "linux";
export const macOS = process.platform === "darwin";

export const HOST = "127.0.0.1";
export const OTHER_HOST = "127.0.0.2"; // this machine, too, but not on macOS

// The files of the project

const project = path.dirname(import.meta.dirname);

/** Reads a file. On Windows, git may end its lines with \r\n. */
export const read = (file: string): string =>
  fs.readFileSync(path.join(project, file), "utf8").replaceAll("\r\n", "\n");

export const exists = (file: string): boolean =>
  fs.existsSync(path.join(project, file));

export const scripts = fs.readdirSync(path.join(project, "scripts"))
  .filter((name) => name.endsWith(".ts"));

/** The text of the script with this number. */
export const source = (number: string): string =>
  read(`scripts/${fileName(number)}`);

function fileName(number: string): string {
  const found = scripts.find((name) => name.startsWith(`${number}-`));
  if (!found) throw new Error(`there is no script ${number}`);
  return found;
}

/** Replaces a part of a text, which must occur in it once. */
export function replace(text: string, part: string, by: string): string {
  const count = text.split(part).length - 1;
  if (count !== 1) throw new Error(`${count} times in the text: ${part}`);
  return text.replace(part, () => by);
}

/** Finds the statement whose first line starts like this. */
export function statement(text: string, start: string): string {
  const lines = text.split("\n");
  const first = lines.findIndex((line) => line.trimStart().startsWith(start));
  if (first < 0) throw new Error(`no statement starts with: ${start}`);
  const indent = /^ */.exec(lines[first])?.[0];
  const oneLine = /;( \/\/.*)?$/.test(lines[first]);
  const last = lines.findIndex((line, i) =>
    oneLine ? i === first : i > first && line.startsWith(`${indent}}`)
  );
  return lines.slice(first, last + 1).join("\n") + "\n";
}

// The scripts as processes

// RUNNER is the command that runs them, for example "node" or "deno run -A".
// Without it, they are run by the tsx of the project.
const tsx = path.join(project, "node_modules", "tsx", "dist");
const runner = process.env.RUNNER?.split(" ");
if (runner && spawnSync(runner[0], ["--version"]).error) {
  throw new Error(`RUNNER names a program that is not there: ${runner[0]}`);
}
export const runtime = runner?.[0] ?? "tsx";

/** What a reader types. With tsx, it starts a second process. */
export const asTyped = runner ?? [process.execPath, path.join(tsx, "cli.mjs")];

/** The same in one process, so that a signal reaches the script itself. */
const direct = runner ??
  [process.execPath, "--import", pathToFileURL(`${tsx}/loader.mjs`).href];

/** The same, with a limit on open files. Windows has none to set. */
export const withFiles = (
  limit: number,
): string[] => ["sh", "-c", `ulimit -n ${limit}; exec "$@"`, "sh", ...direct];

/** How a copy differs from its script, and how it is started. */
export interface Options {
  PORT?: number;
  HOST?: string;
  TIMEOUT?: number;
  /** The start of each statement that is taken out. */
  without?: string[];
  /** Parts of the text, and what takes their place. */
  replaced?: [string, string][];
  /** A line after the last one. It reaches the script's socket or server. */
  added?: string;
  /** The words after the command. */
  args?: string[];
  command?: string[];
  folder?: string;
}

function copyOf(number: string, options: Options): string {
  let text = source(number);
  for (const name of ["PORT", "HOST", "TIMEOUT"] as const) {
    const value = options[name];
    if (value === undefined) continue;
    const line = new RegExp(`^const ${name} = .*?;`, "m").exec(text)?.[0];
    const by = `const ${name} = ${JSON.stringify(value)};`;
    text = replace(text, line ?? `const ${name} = `, by);
  }
  for (const start of options.without ?? []) {
    text = replace(text, statement(text, start), "");
  }
  for (const [part, by] of options.replaced ?? []) {
    text = replace(text, part, by);
  }
  return text + (options.added ?? "");
}

/** Makes a folder that is removed after the test. */
export function newFolder(packageJson = '{ "type": "module" }'): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "socket-"));
  // Windows may hold on to a program's folder for some time after its end.
  const options = { recursive: true, maxRetries: 10, retryDelay: 200 };
  onTestFinished(() => fs.promises.rm(folder, options));
  if (packageJson) {
    fs.writeFileSync(path.join(folder, "package.json"), packageJson);
  }
  return folder;
}

type Output = "stdout" | "stderr";

interface End {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** A process that a test has started. */
export class Program {
  stdout = "";
  stderr = "";
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<End>;

  constructor(name: string, command: string[], folder?: string) {
    this.#name = name;
    this.#child = spawn(command[0], command.slice(1), {
      cwd: folder,
      env: { ...process.env, TSX_DISABLE_CACHE: "1" }, // Copies are used once.
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stdout?.setEncoding("utf8").on("data", (text) => {
      this.stdout += text;
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text) => {
      this.stderr += stripVTControlCharacters(text);
    });
    this.#ended = new Promise((resolve, reject) => {
      this.#child.on("error", reject).on("close", (status) => {
        resolve({ status, stdout: this.stdout, stderr: this.stderr });
      });
    });
    onTestFinished(() => this.kill());
    onTestFailed(() => {
      console.error(`${name} printed:\n${this.stdout}${this.stderr}`);
    });
  }

  /** Waits for what the script leads to, at most 10 seconds. */
  async until<T>(what: string, event: Promise<T>): Promise<T> {
    const error = new Error();
    Error.captureStackTrace(error, this.until); // It shows the test's line.
    let timer: NodeJS.Timeout | undefined;
    const failed = new Promise<never>((_, reject) => {
      const fail = (problem: string) => {
        error.message = `${problem} while the test waited for ${what}`;
        reject(error);
      };
      timer = setTimeout(
        () => fail(`${this.#name}: 10 seconds passed`),
        10_000,
      );
      this.#ended.then(({ status }) => {
        // What it has sent may arrive after its end.
        setTimeout(() => fail(`${this.#name} ended (status ${status})`), 1_000);
      }, reject);
    });
    try {
      return await Promise.race([event, failed]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Waits until it has printed this, among other things. */
  async prints(part: string, name: Output = "stdout"): Promise<void> {
    while (!this[name].includes(part)) await this.#more(name, part);
  }

  /** Waits until it has printed these lines, and no others. */
  async printed(stdout: string[], stderr: string[] = []): Promise<void> {
    for (const [name, lines] of Object.entries({ stdout, stderr })) {
      const text = lines.map((line) => `${line}\n`).join("");
      const output = name as Output;
      while (text !== this[output] && text.startsWith(this[output])) {
        await this.#more(output, text);
      }
      expect(this[output], `${output} of ${this.#name}`).toBe(text);
    }
  }

  async #more(name: Output, text: string): Promise<void> {
    const stream = this.#child[name] as NodeJS.ReadableStream;
    const what = `${JSON.stringify(text)} on ${name}`;
    await this.until(what, once(stream, "data"));
  }

  /** Waits for its end, which gives all that it has printed. */
  end(): Promise<End> {
    return this.until(`the end of ${this.#name}`, this.#ended);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Ends it, with the processes that it has started. */
  async kill(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child;
    if (!pid || exitCode !== null || signalCode !== null) return;
    if (windows) spawn("taskkill", ["/pid", `${pid}`, "/t", "/f"]);
    else this.#child.kill();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 3_000);
    await this.#ended;
    clearTimeout(timer);
  }
}

/** Starts a copy of the script with this number, alone in a folder. */
export function start(number: string, options: Options = {}): Program {
  const folder = options.folder ?? newFolder();
  const file = path.join(folder, fileName(number));
  fs.writeFileSync(file, copyOf(number, options));
  const { command = direct, args = [] } = options;
  return new Program(number, [...command, file, ...args], folder);
}

/** The same, waiting for the first line of a server. */
export async function serve(
  number: string,
  options: Options = {},
): Promise<Program & { port: number }> {
  const port = options.PORT ?? await freePort();
  const server = start(number, { ...options, PORT: port });
  const [line] = /Starting.*(?=")/.exec(source(number)) ?? [];
  await server.prints(`${line}\n`);
  return Object.assign(server, { port });
}

// Each worker of vitest looks for ports in a thousand of its own, below those
// that a system gives to clients.
const lowest = 10_000 + 1_000 * (Number(process.env.VITEST_POOL_ID) % 20);
let next = Math.floor(Math.random() * 1_000);

/** Finds a port that nobody uses, for UDP or TCP. */
export async function freePort(): Promise<number> {
  const port = lowest + next++ % 1_000;
  const udp = dgram.createSocket("udp4").bind(port, HOST);
  const tcp = net.createServer().listen(port, HOST);
  const both = [once(udp, "listening"), once(tcp, "listening")];
  const [udpBound, tcpBound] = await Promise.allSettled(both);
  udp.close();
  tcp.close();
  const free = udpBound.status === tcpBound.status;
  return free && udpBound.status === "fulfilled" ? port : freePort();
}

/** Waits until a TCP server of another program has a port, and closes. */
export async function listening(port: number): Promise<void> {
  const socket = net.connect(port, HOST).resume();
  try {
    await once(socket, "connect");
  } catch {
    return listening(port);
  }
  await once(socket.end(), "close"); // A reset could end that program.
}

// The other end

/** What comes to a receiver that takes so many bytes, and what it prints. */
export const messages = (
  limit: number,
): [name: string, data: Buffer, text: string][] => {
  const almost = "x".repeat(limit - 1);
  return [
    ["no bytes", Buffer.alloc(0), ""],
    ["white space", Buffer.from("\n 我 ❤️ 你 \n"), "\n 我 ❤️ 你 \n"],
    ["what is not UTF-8", Buffer.from([0x61, 0xff, 0x62]), "a�b"],
    ["too many bytes", Buffer.from(`${almost} yz`), `${almost} `],
    ["a character cut by the limit", Buffer.from(`${almost}我`), `${almost}�`],
  ];
};

/** A UDP socket, bound to a free port, and the texts that have come to it. */
export async function udpPeer(host = HOST) {
  const socket = dgram.createSocket("udp4");
  onTestFinished(() => void socket.close());
  socket.bind(0, host);
  await once(socket, "listening");
  const { port } = socket.address();
  const received: string[] = [];
  socket.on("message", (data) => received.push(String(data)));
  socket.on("error", () => {}); // on Windows: nobody was where it has sent
  return {
    socket,
    port,
    /** The next datagram, and its sender. */
    next: () => once(socket, "message") as Promise<[Buffer, dgram.RemoteInfo]>,
    /** All that has come, up to what it sends to itself now. */
    received: async () => {
      socket.send("the last", port, host);
      while (received.at(-1) !== "the last") await once(socket, "message");
      return received.slice(0, -1);
    },
  };
}

/** Sends a message to a UDP server, and waits for the answer. */
export async function udpAsk(
  server: Program & { port: number },
  message: string | Buffer,
): Promise<string> {
  const { socket, next } = await udpPeer();
  socket.send(message, server.port, HOST);
  const [answer] = await server.until("an answer", next());
  return String(answer);
}

/** A connection, what has come over it, and how it has ended. */
function observe(socket: net.Socket) {
  onTestFinished(() => void socket.destroy());
  const event = (name: string) =>
    new Promise<void>((resolve) => socket.on(name, resolve));
  const closed = event("close");
  const connection = {
    socket,
    received: "",
    error: "",
    /** The other side, or the whole connection, is closed. */
    ended: Promise.race([event("end"), closed]),
    closed,
  };
  socket.setEncoding("utf8").on("data", (text) => connection.received += text);
  socket.on("error", (error: NodeJS.ErrnoException) => {
    connection.error = error.code ?? error.message;
  });
  return connection;
}
export type Connection = ReturnType<typeof observe>;

// "Half open" means that a side closes when the test wants it to, not when the
// other side does.
const allowHalfOpen = true;

/** Connects to a TCP server. */
export async function connect(port: number, localAddress = HOST) {
  const socket = net.connect({ port, host: HOST, localAddress, allowHalfOpen });
  const connection = observe(socket);
  await once(socket, "connect");
  return Object.assign(connection, { port: socket.localPort as number });
}

/** Sends a message to a TCP server, and takes the answer until it closes. */
export async function tcpAsk(
  server: Program & { port: number },
  message: string | Buffer,
  localAddress = HOST,
): Promise<{ answer: string; port: number }> {
  const connection = await connect(server.port, localAddress);
  connection.socket.write(message);
  await server.until("the end of an answer", connection.ended);
  connection.socket.end();
  await server.until("the end of a connection", connection.closed);
  const { received, error, port } = connection;
  return { answer: received + error, port };
}

/** A TCP server on a free port, and what it does with each connection. */
export async function tcpPeer(
  accepted: (connection: Connection) => void = () => {},
  host = HOST,
) {
  const connections: Connection[] = [];
  const server = net.createServer({ allowHalfOpen }, (socket) => {
    const connection = observe(socket);
    connections.push(connection);
    accepted(connection);
  });
  onTestFinished(() => void server.close());
  server.listen(0, host);
  await once(server, "listening");
  return { port: (server.address() as net.AddressInfo).port, connections };
}
