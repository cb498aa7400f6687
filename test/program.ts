// Runs the scripts as a reader does: as processes. Each is a copy, alone in a
// folder of its own, that differs from the script in these lines:
//
//   const PORT       a free one, so that nobody's servers are in the way
//   const TIMEOUT    where a test would only wait for its end

import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { type TestContext, vi } from "vitest";
import { freePort } from "./peer.ts";

vi.setConfig({
  testTimeout: 60_000,
  maxConcurrency: 3 * os.availableParallelism(),
  expect: { poll: { timeout: 30_000 } },
});

export const windows = process.platform === "win32";

export const project = path.dirname(import.meta.dirname);

export const scripts = fs.readdirSync(path.join(project, "scripts"));

/** The text of a script, found by its number. */
export const source = (number: string): string =>
  fs.readFileSync(path.join(project, "scripts", named(number)), "utf8");

const named = (number: string) =>
  scripts.find((script) => script.startsWith(number)) as string;

// What runs a script: the command in RUNNER ("node", "deno run -A", "bun"), or
// the project's tsx.
const tsx = path.join(project, "node_modules", "tsx", "dist");
const runner = process.env.RUNNER?.split(" ");
export const runtime = runner?.[0] ?? "tsx";

/** The command that the README shows. tsx is a process before the script's. */
export const asTyped = runner ?? [process.execPath, path.join(tsx, "cli.mjs")];

/** The same in one process: a test of signals should not depend on two. */
const direct = runner ??
  [process.execPath, "--import", pathToFileURL(`${tsx}/loader.mjs`).href];

/** The same, with a limit of files that it may have open. Not for Windows. */
export const limited = (files: number): string[] =>
  ["sh", "-c", `ulimit -n ${files}; exec "$@"`, "sh"].concat(direct);

const FAULTS = path.join(import.meta.dirname, "faults.ts");

interface Options {
  args?: string[];
  command?: string[];
  /** Runs it by faults.ts, which see, with these arguments. */
  faults?: string[];
  /** The folder, if not a new one. */
  place?: string;
  port?: number;
  timeout?: number;
  /** A last change to the text. */
  change?: (text: string) => string;
}

interface End {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** A script that runs, until it or the test ends. */
export class Program {
  readonly port: number;
  readonly ended: Promise<End>;
  stdout = "";
  stderr = "";
  readonly #t: TestContext;
  readonly #child: ChildProcess;

  constructor(t: TestContext, number: string, port: number, options: Options) {
    this.#t = t;
    this.port = port;
    const { command = direct, faults, args = [] } = options;
    const file = copy(t, number, port, options);
    const [name, ...rest] = faults
      ? [...command, FAULTS, file, ...faults]
      : [...command, file, ...args];
    this.#child = spawn(name, rest, {
      cwd: path.dirname(file),
      env: { ...process.env, TSX_DISABLE_CACHE: "1" }, // no two are the same
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stdout?.setEncoding("utf8").on("data", (text) => {
      this.stdout += text;
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text) => {
      this.stderr += stripVTControlCharacters(text);
    });
    this.ended = new Promise((resolve, reject) => {
      this.#child.on("error", reject).on("close", (status) => {
        resolve({ status, stdout: this.stdout, stderr: this.stderr });
      });
    });
    t.onTestFinished(() => this.kill());
  }

  /** Waits for what it prints, to the letter. */
  async printed(stdout: string, stderr = ""): Promise<void> {
    await this.#t.expect
      .poll(() => ({ stdout: this.stdout, stderr: this.stderr }))
      .toEqual({ stdout, stderr });
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Ends it, and the processes that it started. */
  async kill(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child;
    if (!pid || exitCode !== null || signalCode !== null) return;
    if (windows) spawn("taskkill", ["/pid", `${pid}`, "/t", "/f"]);
    else this.#child.kill();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5_000);
    await this.ended;
    clearTimeout(timer);
  }
}

/** Makes a folder of a reader's, and in it a package.json. */
export function folder(t: TestContext, packageJson?: string): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), "socket-"));
  // Windows holds on to the folder of a program for some time after its end.
  const options = { recursive: true, maxRetries: 10, retryDelay: 200 };
  t.onTestFinished(() => fs.promises.rm(made, options));
  if (packageJson) {
    fs.writeFileSync(path.join(made, "package.json"), packageJson);
  }
  return made;
}

function copy(t: TestContext, number: string, port: number, options: Options) {
  const place = options.place ?? folder(t, '{ "type": "module" }');
  let text = source(number).replace(/(?<=^const PORT = )\d+/m, `${port}`);
  if (options.timeout) {
    text = text.replace(/(?<=^const TIMEOUT = )[\d_]+/m, `${options.timeout}`);
  }
  const file = path.join(place, named(number));
  fs.writeFileSync(file, options.change?.(text) ?? text);
  return file;
}

/** Starts a server, and waits for its first line: now a client may come. */
export async function serve(
  t: TestContext,
  number: string,
  options: Options = {},
): Promise<Program> {
  const port = options.port ?? await freePort();
  const server = new Program(t, number, port, options);
  await t.expect.poll(() => server.stdout + server.stderr).toContain("\n");
  t.expect(server.stderr).toBe("");
  return server;
}

/** Runs a script to its end. */
export const run = (
  t: TestContext,
  number: string,
  port: number,
  options: Options = {},
): Promise<End> => new Program(t, number, port, options).ended;
