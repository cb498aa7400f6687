// The scripts as processes: a test runs a copy of one, alone in a folder.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { expect, onTestFailed, onTestFinished, vi } from "vitest";

vi.setConfig({ testTimeout: 60_000 }); // Each wait has a limit of its own.

export const windows = process.platform === "win32";
export const linux = process.platform === "linux";
export const macOS = process.platform === "darwin";

export const HOST = "127.0.0.1";
export const OTHER_HOST = "127.0.0.2"; // this machine, too, but not on macOS

/** How a server is told to exit: by one signal, or by two at once. */
export const signals = ["SIGINT", "SIGTERM", "SIGSTOP SIGINT SIGTERM SIGCONT"];

const project = path.dirname(import.meta.dirname);

/** Reads a file. On Windows, git may end its lines with \r\n. */
export const read = (file: string) =>
  fs.readFileSync(path.join(project, file), "utf8").replaceAll("\r\n", "\n");

export const scripts = fs.readdirSync(path.join(project, "scripts"))
  .filter((name) => name.endsWith(".ts"));

const fileName = (number: string) =>
  scripts.find((name) => name.startsWith(`${number}-`)) ?? number;

/** The text of the script with this number. */
export const source = (number: string) => read(`scripts/${fileName(number)}`);

/** Replaces a part of a text, which must occur in it once. */
export function replace(text: string, part: string, by: string): string {
  const count = text.split(part).length - 1;
  const [start] = text.split("\n");
  if (count !== 1) throw new Error(`${count} times in "${start}": ${part}`);
  return text.replace(part, () => by);
}

/** Finds the statement whose first line starts like this. */
function statement(text: string, start: string): string {
  const lines = text.split("\n");
  const first = lines.findIndex((line) => line.trimStart().startsWith(start));
  if (first < 0) throw new Error(`"${lines[0]}" has no statement: ${start}`);
  const [indent] = /^ */.exec(lines[first]) ?? [];
  let last = first;
  if (/\{( \/\/.*)?$/.test(lines[first])) {
    while (!lines[++last].startsWith(`${indent}}`));
  }
  return lines.slice(first, last + 1).join("\n") + "\n";
}

/** How a copy differs from its script, and how it is started. */
export interface Options {
  PORT?: number;
  HOST?: string;
  TIMEOUT?: number;
  without?: string[]; // the start of each statement that is taken out
  replaced?: string[][]; // parts of the text, and what takes their place
  added?: string; // after the last line; it reaches the socket or the server
  args?: string[]; // the words after the command
  command?: string[];
  packageJson?: string; // in the same folder; "" means that there is none
}

function copyOf(number: string, options: Options): string {
  let text = source(number);
  for (const name of ["PORT", "HOST", "TIMEOUT"] as const) {
    if (options[name] === undefined) continue;
    const [line] = RegExp(`^const ${name} = .*?;`, "m").exec(text) ?? [];
    const by = `const ${name} = ${JSON.stringify(options[name])};`;
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

// RUNNER, such as "node" or "deno run -A", runs the scripts. The default is tsx.
const runner = process.env.RUNNER?.split(" ");
if (runner && spawnSync(runner[0], ["--version"]).error) {
  throw new Error(`RUNNER names a program that is not there: ${runner[0]}`);
}
export const runtime = runner?.[0] ?? "tsx";
const tsx = path.join(project, "node_modules", "tsx", "dist");

/** The command that a reader types. Here, tsx starts a second process. */
export const asTyped = runner ?? [process.execPath, path.join(tsx, "cli.mjs")];

/** Runs the script in one process, so that a signal reaches it. */
const direct = runner ??
  [process.execPath, "--import", pathToFileURL(`${tsx}/loader.mjs`).href];

/** The same, with a limit on open files. Windows has no ulimit. */
export const withFiles = (
  limit: number,
) => ["sh", "-c", `ulimit -n ${limit}; exec "$@"`, "sh", ...direct];

/** A process that a test has started. */
export class Program {
  stdout = "";
  stderr = "";
  readonly #name: string;
  readonly #child;
  readonly #ended: Promise<unknown>;

  constructor(name: string, [file, ...args]: string[], cwd?: string) {
    this.#name = name;
    const env = { ...process.env, TSX_DISABLE_CACHE: "1" }; // for new copies
    this.#child = spawn(file, args, { cwd, env });
    this.#child.stdin.end();
    for (const name of ["stdout", "stderr"] as const) {
      this.#child[name].setEncoding("utf8").on("data", (text) => {
        this[name] += stripVTControlCharacters(text); // Some runtimes use colors.
      });
    }
    this.#ended = once(this.#child, "close");
    onTestFinished(() => this.#kill());
    onTestFailed(() =>
      console.error(`${name} printed:\n${this.stdout}${this.stderr}`)
    );
  }

  /** Waits for an event that the script leads to, at most 10 seconds. */
  async until<T>(what: string, event: Promise<T>): Promise<T> {
    const error = new Error();
    Error.captureStackTrace(error, this.until); // It shows the test's line.
    const result = await Promise.race([
      event.then((value) => ({ value })),
      sleep(10_000, "10 seconds passed", { ref: false }),
      // What it has sent may arrive after its end.
      this.#ended.then(() => sleep(1_000, "it ended", { ref: false })),
    ]);
    if (typeof result !== "string") return result.value;
    error.message = `${this.#name}: ${result}, and there is not ${what}`;
    throw error;
  }

  /** Waits until it has printed this, among other things. */
  async prints(part: string, name: "stdout" | "stderr" = "stdout") {
    while (!this[name].includes(part)) await this.#more(name, part);
  }

  /** Waits until it has printed these lines, and no others. */
  async printed(stdout: string[], stderr: string[] = []) {
    for (const [name, lines] of Object.entries({ stdout, stderr })) {
      const output = name as "stdout" | "stderr";
      const text = lines.map((line) => `${line}\n`).join("");
      while (text !== this[output] && text.startsWith(this[output])) {
        await this.#more(output, text);
      }
      expect(this[output], `${name} of ${this.#name}`).toBe(text);
    }
  }

  async #more(name: "stdout" | "stderr", text: string) {
    const what = `${JSON.stringify(text)} on ${name}`;
    await this.until(what, once(this.#child[name], "data"));
  }

  /** Waits until it exits. Returns its status and all that it has printed. */
  async end() {
    await this.until(`the end of ${this.#name}`, this.#ended);
    const { stdout, stderr } = this;
    return { status: this.#child.exitCode, stdout, stderr };
  }

  /** Waits until it exits, with this status and these outputs. */
  async ends(status: number, stdout: string, stderr = "") {
    expect(await this.end()).toEqual({ status, stdout, stderr });
  }

  signal(names: string) {
    const all = names.split(" ") as NodeJS.Signals[];
    for (const name of all) this.#child.kill(name);
  }

  /** Kills it. On Windows, this includes the processes that it has started. */
  async #kill() {
    const { pid, exitCode, signalCode } = this.#child;
    if (!pid || exitCode !== null || signalCode) return;
    if (windows) spawn("taskkill", ["/pid", `${pid}`, "/t", "/f"]);
    else this.#child.kill();
    setTimeout(() => this.#child.kill("SIGKILL"), 3_000).unref();
    await this.#ended;
  }
}

/** Starts a copy of the script with this number. */
export function start(number: string, options: Options = {}): Program {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "socket-"));
  // Windows may hold on to a program's folder for some time after its end.
  const removal = { recursive: true, maxRetries: 10, retryDelay: 200 };
  onTestFinished(() => fs.promises.rm(folder, removal));
  const { command = direct, args = [] } = options;
  const json = options.packageJson ?? '{ "type": "module" }';
  if (json) fs.writeFileSync(path.join(folder, "package.json"), json);
  const file = path.join(folder, fileName(number));
  fs.writeFileSync(file, copyOf(number, options));
  return new Program(number, [...command, file, ...args], folder);
}

/** Starts a copy of a server, and waits for its first line. */
export async function serve(number: string, options: Options = {}) {
  const port = options.PORT ?? await freePort();
  const server = start(number, { ...options, PORT: port });
  const [line] = /Starting.*(?=")/.exec(source(number)) ?? [];
  await server.prints(`${line}\n`);
  return Object.assign(server, { port });
}
export type Server = Awaited<ReturnType<typeof serve>>;

// Each worker has a thousand ports of its own, below those of clients.
const lowest = 10_000 + 1_000 * (Number(process.env.VITEST_POOL_ID) % 20);
let next = Math.floor(Math.random() * 1_000);

/** Finds a port that nobody uses. */
export async function freePort(): Promise<number> {
  const port = lowest + next++ % 1_000;
  const server = net.createServer().listen(port, HOST);
  const free = await once(server, "listening").catch(() => false);
  server.close();
  return free ? port : freePort();
}
