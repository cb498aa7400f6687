// What the tests share: a lab with the scripts, processes and plain sockets.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import dgram from "node:dgram";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { expect, test as base } from "vitest";

export const HOST = "127.0.0.1";
export const OTHER_HOST = "127.0.0.2"; // this machine, too, but not on macOS
export const windows = process.platform === "win32";
export const macOS = process.platform === "darwin";

const project = path.dirname(import.meta.dirname);

/** Reads a file. On Windows, git may end its lines with \r\n. */
export const read = (file: string) =>
  fs.readFileSync(path.join(project, file), "utf8").replaceAll("\r\n", "\n");

/** The file names of the scripts, by their numbers. */
export const names: Record<string, string> = Object.fromEntries(
  fs.readdirSync(path.join(project, "scripts"))
    .filter((name) => name.endsWith(".ts"))
    .map((name) => [name.slice(0, 2), name]),
);

// RUNNER, such as "bun" or "deno run -A", runs the scripts. Otherwise, this Node
// does, with tsx where it does not know TypeScript.
const tsx = path.join(project, "node_modules", "tsx", "dist", "loader.mjs");
const { typescript } = process.features as { typescript?: unknown };
const loader = typescript ? [] : ["--import", pathToFileURL(tsx).href];
const runner = process.env.RUNNER?.split(" ") ?? [process.execPath, ...loader];
export const runtime = path.basename(runner[0], ".exe");
if (spawnSync(runner[0], ["--version"]).error) {
  throw new Error(`RUNNER names a program that is not there: ${runner[0]}`);
}

/** Waits until a condition is true, for at most ten seconds. */
export async function until<T>(what: string, condition: () => T): Promise<T> {
  for (const start = Date.now(); Date.now() - start < 10_000; await sleep(5)) {
    const result = condition();
    if (result) return result;
  }
  throw new Error(`10 seconds passed, and there is not ${what}`);
}

// When the tests end early, as by Ctrl+C or --bail, no script is left.
const children = new Set<ChildProcess>();
const killAll = () => children.forEach((child) => child.kill("SIGKILL"));
process.once("exit", killAll).once("SIGTERM", () => process.exit());

/** A process that a test has started, and what it has printed. */
class Program {
  stdout = "";
  stderr = "";
  output = ""; // both
  status: number | null | undefined; // It is undefined until the end.
  readonly name: string;
  readonly #child;

  constructor([file, ...args]: string[], cwd: string) {
    this.name = args.join(" ");
    const env = { ...process.env, NO_COLOR: "1", TSX_DISABLE_CACHE: "1" };
    this.#child = spawn(file, args, { cwd, env });
    this.#child.stdin.end();
    children.add(this.#child);
    for (const stream of ["stdout", "stderr"] as const) {
      this.#child[stream].setEncoding("utf8").on("data", (data) => {
        const text = stripVTControlCharacters(data);
        this[stream] += text;
        this.output += text;
      });
    }
    this.#child.on("close", (status) => {
      this.status = status;
      children.delete(this.#child);
    });
  }

  /** Waits until it has printed a text, or ends. */
  async prints(text: string, stream: "stdout" | "stderr" = "stdout") {
    const ended = () => this.status !== undefined;
    const printed = () => this[stream].includes(text);
    await until(`${text} from ${this.name}`, () => printed() || ended());
    expect(this[stream], this.name).toContain(text);
  }

  async end() {
    await until(`an end of ${this.name}`, () => this.status !== undefined);
    return { status: this.status, stdout: this.stdout, stderr: this.stderr };
  }

  /** Waits until it ends, with this status, after it has printed this. */
  async ends(status: number, stdout: string, stderr = "") {
    expect(await this.end(), this.name).toEqual({ status, stdout, stderr });
  }

  signal(...signals: NodeJS.Signals[]) {
    for (const signal of signals) this.#child.kill(signal);
  }

  /** Ends it. On Windows, this includes the processes that it has started. */
  async kill() {
    const { pid } = this.#child;
    if (!pid || this.status !== undefined) return;
    if (windows) spawn("taskkill", ["/pid", `${pid}`, "/t", "/f"]);
    else this.signal("SIGCONT", "SIGKILL");
    await this.end();
  }
}

/** A TCP connection of a test, what has come over it, and how it has ended. */
function observe(socket: net.Socket) {
  const connection = {
    socket,
    received: "",
    ended: false, // The other side is closed.
    closed: false, // Both sides are closed.
    error: "",
  };
  socket.setEncoding("utf8").on("data", (text) => connection.received += text);
  socket.on("end", () => connection.ended = true);
  socket.on("error", (error) => connection.error = error.message);
  socket.on("close", () => connection.closed = connection.ended = true);
  return connection;
}

/** The scripts in a folder and at two ports that no other test uses. */
class Lab {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "lab-"));
  readonly programs: Program[] = [];
  readonly #cleanups: (() => unknown)[] = [];
  readonly udp: number;
  readonly tcp: number;

  constructor(udp: number, tcp: number) {
    this.udp = udp;
    this.tcp = tcp;
    fs.mkdirSync(path.join(this.folder, "scripts"));
    this.write("package.json", '{ "type": "module" }');
    for (const name of Object.values(names)) {
      this.write(`scripts/${name}`, this.local(read(`scripts/${name}`)));
    }
  }

  /** The same text with the lab's ports. */
  local = (text: string) =>
    text.replaceAll("7852", `${this.udp}`).replaceAll("8998", `${this.tcp}`);

  write(file: string, text: string) {
    fs.writeFileSync(path.join(this.folder, file), text);
  }

  source = (number: string) =>
    fs.readFileSync(path.join(this.folder, "scripts", names[number]), "utf8");

  /** Replaces a part of a script, which must have it. */
  edit(number: string, part: string | RegExp, by: string) {
    const text = this.source(number);
    const edited = text.replace(part, () => by);
    if (edited === text) throw new Error(`${number} does not have: ${part}`);
    this.write(`scripts/${names[number]}`, edited);
  }

  timeout(number: string, milliseconds: number) {
    this.edit(number, /TIMEOUT = [\d_]+/, `TIMEOUT = ${milliseconds}`);
  }

  run(...command: string[]): Program {
    const program = new Program(command, this.folder);
    this.programs.push(program);
    return program;
  }

  script = (file: string, ...args: string[]) =>
    this.run(...runner, file, ...args);

  start = (number: string, ...args: string[]) =>
    this.script(`scripts/${names[number]}`, ...args);

  /** Starts a server, perhaps with a limit on its open files, and waits for it. */
  async serve(number: string, files?: number): Promise<Program> {
    const command = [...runner, `scripts/${names[number]}`];
    const limited = ["-c", `ulimit -n ${files}; exec "$@"`, "sh", ...command];
    const server = files ? this.run("sh", ...limited) : this.start(number);
    await server.prints("Starting");
    return server;
  }

  /** A UDP socket, the texts that it has received, and their senders' ports. */
  async socket(port = 0, host = HOST) {
    const socket = dgram.createSocket("udp4").bind(port, host);
    this.#cleanups.push(() => socket.close());
    const received: string[] = [];
    const senders: number[] = [];
    socket.on("message", (data, { port }) => {
      received.push(`${data}`);
      senders.push(port);
    });
    await once(socket, "listening");
    socket.on("error", () => {}); // Windows reports that no program is there.
    const address = socket.address();
    return Object.assign(socket, { received, senders, port: address.port });
  }

  /** Connects to 04. The test closes this side when it wants to. */
  async connect(localAddress = HOST) {
    const to = { host: HOST, localAddress, allowHalfOpen: true };
    const socket = net.connect({ port: this.tcp, ...to });
    this.#cleanups.push(() => socket.destroy());
    const connection = observe(socket);
    await until("a connection", () => socket.readyState === "open");
    return Object.assign(connection, { port: socket.localPort });
  }

  /** Sends a message to 04. Returns the answer, and the port that it names. */
  async ask(message: string | Buffer, from = HOST) {
    const connection = await this.connect(from);
    connection.socket.write(message);
    await until("the end of an answer", () => connection.ended);
    connection.socket.end();
    await until("the end of a connection", () => connection.closed);
    return [connection.received + connection.error, connection.port];
  }

  /** A server in place of 04. It calls act when a message has come. */
  async listen(act: (socket: net.Socket) => void = () => {}, host = HOST) {
    const connections: ReturnType<typeof observe>[] = [];
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      this.#cleanups.push(() => socket.destroy());
      connections.push(observe(socket));
      socket.once("data", () => act(socket));
    });
    this.#cleanups.push(() => server.close());
    await once(server.listen(this.tcp, host), "listening");
    return connections;
  }

  async close() {
    for (const clean of this.#cleanups) clean();
    await Promise.all(this.programs.map((program) => program.kill()));
    // Windows may hold on to a program's folder for some time after its end.
    const removal = { recursive: true, maxRetries: 10, retryDelay: 200 };
    await fs.promises.rm(this.folder, removal);
  }
}
export type { Lab };

// Each worker has a thousand ports of its own, below those of clients.
const lowest = 10_000 + 1_000 * (Number(process.env.VITEST_POOL_ID) % 20);
let next = Math.floor(Math.random() * 1_000);

/** Finds a port that nobody uses, neither for UDP nor for TCP. */
async function freePort(): Promise<number> {
  const port = lowest + next++ % 1_000;
  const server = net.createServer().listen(port, HOST);
  const socket = dgram.createSocket("udp4").bind(port, HOST);
  const bound = [once(server, "listening"), once(socket, "listening")];
  const free = await Promise.all(bound).catch(() => undefined);
  server.close();
  socket.close();
  return free ? port : freePort();
}

export const test = base.extend<{ lab: Lab }>({
  lab: async ({ onTestFailed }, use) => {
    const lab = new Lab(await freePort(), await freePort());
    onTestFailed(() => {
      for (const { name, output } of lab.programs) {
        console.error(`${name}\nprinted:\n${output}`);
      }
    });
    await use(lab);
    await lab.close();
  },
});
