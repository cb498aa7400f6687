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

export const windows = process.platform === "win32";
export const macOS = process.platform === "darwin";
export const HOST = "127.0.0.1";
export const OTHER_HOST = macOS ? HOST : "127.0.0.2"; // this machine, too

const project = path.dirname(import.meta.dirname);
/** Reads a file. On Windows, git may end its lines with \r\n. */
export const read = (file: string) =>
  fs.readFileSync(path.join(project, file), "utf8").replaceAll("\r\n", "\n");

/** The paths of the scripts, by their numbers. */
export const scripts: Record<string, string> = {};
for (const name of fs.readdirSync(path.join(project, "scripts"))) {
  if (name.endsWith(".ts")) scripts[name.slice(0, 2)] = `scripts/${name}`;
}

// RUNNER, such as "bun" or "deno run -A", runs the scripts. Otherwise, this Node
// does, with tsx where it does not know TypeScript.
export const tsx = path.join(project, "node_modules/tsx/dist");
const { typescript } = process.features as { typescript?: unknown };
const loader = pathToFileURL(path.join(tsx, "loader.mjs")).href;
const node = [process.execPath, ...(typescript ? [] : ["--import", loader])];
const runner = process.env.RUNNER?.split(" ") ?? node;
export const runtime = path.basename(runner[0], ".exe");
if (spawnSync(runner[0], ["--version"]).error) {
  throw new Error(`RUNNER names a program that is not there: ${runner[0]}`);
}

/** A text in which long rows of x are counted. */
export const short = (text: string) =>
  text.replaceAll(/x{99,}/g, (row) => `(x, ${row.length} times)`);

/** Waits until a condition is true, for at most ten seconds. */
export async function until<T>(what: string, condition: () => T): Promise<T> {
  for (const start = Date.now(); Date.now() - start < 10_000; await sleep(5)) {
    const result = condition();
    if (result) return result;
  }
  throw new Error(`10 seconds passed, and there is not ${what}`);
}

// No script and no folder is left, even if the tests end early (Ctrl+C, --bail).
const children = new Set<ChildProcess>();
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "lab-"));
const clean = () => {
  for (const child of children) child.kill("SIGKILL");
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
};
process.once("exit", clean).once("SIGTERM", () => {
  clean();
  process.kill(process.pid, "SIGKILL"); // In a test, exit() does not exit.
});

/** A process that a test has started, and what it has printed. */
class Program {
  name: string;
  stdout = "";
  stderr = "";
  output = ""; // both
  status: number | null | undefined; // It is undefined until the end.
  #child;
  constructor([file, ...args]: string[], cwd: string) {
    this.name = args.join(" ").replace(/^.* (?=\S+\.ts)/, ""); // no runner
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
    this.#child.on("error", (error) => this.output += error.message);
    this.#child.on("close", (status) => {
      this.status = status;
      children.delete(this.#child);
    });
  }

  ended = () => this.status !== undefined;
  signal = (signal: NodeJS.Signals) => this.#child.kill(signal);

  /** Waits until it has printed a text, or ends. */
  async prints(text: string) {
    const printed = () => this.output.includes(text) || this.ended();
    await until(`${text} from ${this.name}`, printed);
    expect(this.output, this.name).toContain(text);
  }

  /** Waits for its end. Returns its status, standard output and errors. */
  async end() {
    await until(`an end of ${this.name}`, this.ended);
    return `${this.status}: ${this.stdout}! ${this.stderr}`;
  }

  /** Waits until it ends, with this status, after it has printed this. */
  async ends(status: number, stdout: string, stderr = "") {
    await this.end();
    const seen = [this.status, short(this.stdout), this.stderr];
    expect(seen, this.name).toEqual([status, short(stdout), stderr]);
  }

  /** Ends it. On Windows, this includes the processes that it has started. */
  async kill() {
    if (this.ended()) return;
    if (!windows) this.signal("SIGKILL");
    else spawn("taskkill", ["/pid", `${this.#child.pid}`, "/t", "/f"]);
    await this.end();
  }
}

/** A TCP connection of a test, and what it has received. */
function observe(socket: net.Socket) {
  const seen = Object.assign(socket.setEncoding("utf8"), { received: "" });
  return seen.on("data", (text) => seen.received += text).on("error", () => {});
}

/** The scripts in a folder and at two ports that no other test uses. */
export class Lab {
  folder;
  programs: Program[] = [];
  #cleanups: (() => unknown)[] = [];
  udp: number;
  tcp: number;
  constructor(udp: number, tcp: number) {
    this.udp = udp;
    this.tcp = tcp;
    this.folder = path.join(folder, `${udp}`);
    fs.mkdirSync(path.join(this.folder, "scripts"), { recursive: true });
    this.write("package.json", '{ "type": "module" }');
    for (const file of Object.values(scripts)) {
      this.write(file, this.local(read(file)));
    }
  }

  /** The same text with the lab's ports. */
  local = (text: string) =>
    text.replaceAll("7852", `${this.udp}`).replaceAll("8998", `${this.tcp}`);

  write = (file: string, text: string) =>
    fs.writeFileSync(path.join(this.folder, file), text);

  /** Replaces a part of a script, which must have it. */
  edit(number: string, part: string | RegExp, by: string) {
    const file = path.join(this.folder, scripts[number]);
    const text = fs.readFileSync(file, "utf8");
    const found = text.replace(part, "\0") !== text;
    expect(found, `${file} has ${part}, which this test changes`).toBe(true);
    fs.writeFileSync(file, text.replace(part, () => by));
    return this;
  }

  timeout = (number: string, milliseconds: number) =>
    this.edit(number, /TIMEOUT = [\d_]+/, `TIMEOUT = ${milliseconds}`);

  run(...command: string[]): Program {
    this.programs.push(new Program(command, this.folder));
    return this.programs[this.programs.length - 1];
  }
  script = (...command: string[]) => this.run(...runner, ...command);
  start = (number: string, ...args: string[]) =>
    this.script(scripts[number], ...args);

  /** Starts a server, perhaps through another command, and waits for it. */
  async serve(number: string, ...through: string[]): Promise<Program> {
    const server = this.run(...through, ...runner, scripts[number]);
    await server.prints("Starting");
    return server;
  }

  /** A UDP socket, and the texts that it has received. */
  async socket(port = 0, host = HOST) {
    const socket = dgram.createSocket("udp4").bind(port, host);
    this.#cleanups.push(() => socket.close());
    await once(socket, "listening");
    const received: string[] = [];
    socket.on("message", (data) => received.push(`${data}`));
    return Object.assign(socket, { received, port: socket.address().port });
  }

  /** Connects to 04. The test closes this side when it wants to. */
  async connect(localAddress = HOST) {
    const to = { host: HOST, localAddress, allowHalfOpen: true };
    const socket = observe(net.connect({ port: this.tcp, ...to }));
    this.#cleanups.push(() => socket.destroy());
    await once(socket, "connect");
    return Object.assign(socket, { port: socket.localPort });
  }

  /** Sends a message to 04. Returns the answer, and the port that it names. */
  async ask(message: string | Buffer, from = HOST) {
    const socket = await this.connect(from);
    socket.write(message);
    await until("the end of an answer", () => socket.readableEnded);
    socket.end();
    await until("the end of a connection", () => socket.closed);
    return [socket.received, socket.port];
  }

  /** A server in place of 04. It calls act when a message has come. */
  async listen(act: (socket: net.Socket) => unknown = () => {}, host = HOST) {
    const clients: ReturnType<typeof observe>[] = [];
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      this.#cleanups.push(() => socket.destroy());
      clients.push(observe(socket));
      socket.once("data", () => act(socket));
    });
    this.#cleanups.push(() => server.close());
    await once(server.listen(this.tcp, host), "listening");
    return clients;
  }

  async close() {
    for (const clean of this.#cleanups) clean();
    await Promise.all(this.programs.map((program) => program.kill()));
  }
}

// Each worker has a thousand ports of its own, below those of clients.
const lowest = 10_000 + 1_000 * (Number(process.env.VITEST_POOL_ID) % 20);
let next = Math.floor(Math.random() * 1_000);

/** Finds a port that nobody uses, neither for UDP nor for TCP. */
async function freePort(): Promise<number> {
  const port = lowest + next++ % 1_000;
  const server = net.createServer().listen(port, HOST);
  const socket = dgram.createSocket("udp4").bind(port, HOST);
  const events = [once(server, "listening"), once(socket, "listening")];
  const free = await Promise.all(events).catch(() => undefined);
  for (const bound of [server, socket]) bound.close();
  return free ? port : freePort();
}

export const test = base.extend<{ lab: Lab }>({
  lab: async ({ task, onTestFailed }, use) => {
    const lab = new Lab(await freePort(), await freePort());
    onTestFailed(() => {
      const [error] = task.result?.errors ?? [];
      for (const { name, output } of lab.programs) {
        error.message += `\n\n${name} has printed:\n${short(output)}`;
      }
    });
    await use(lab);
    await lab.close();
  },
});
