// Runs the scripts as a reader does: as processes, in a folder of the reader's.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { expect, type TestContext } from "vitest";

export const windows = process.platform === "win32";

export const project = path.dirname(import.meta.dirname);

// What runs a script: the command in RUNNER ("node", "deno run -A", "bun"), or
// the project's tsx.
const tsx = path.join(project, "node_modules", "tsx", "dist");
const command = process.env.RUNNER?.split(" ");
export const runtime = command?.[0] ?? "tsx";

/** The command that the README shows. tsx is a process before the script's. */
export const asTyped = command ??
  [process.execPath, path.join(tsx, "cli.mjs")];

/**
 * The same in one process. tsx kills a script that does not end within 60 ms of
 * a signal, and a busy machine is slower than that.
 */
export const direct = command ??
  [process.execPath, "--import", pathToFileURL(`${tsx}/loader.mjs`).href];

/** Whether there is a Python. (On Windows, the name may lead to a shop.) */
export const hasPython = !windows &&
  spawnSync("python3", ["--version"]).status === 0;

// Gives a server a terminal for its output, and closes that when it has started.
const CLOSED_TERMINAL = `
import os, pty, sys
ours, servers = pty.openpty()
if os.fork() == 0:
    os.close(servers)
    seen = b""
    while b"Starting" not in seen:
        seen += os.read(ours, 1000)
    os.close(ours)
    os.write(1, seen)
    os._exit(0)
os.close(ours)
os.dup2(servers, 1)
os.dup2(servers, 2)
os.execvp(sys.argv[1], sys.argv[1:])
`;

/** The longest wait for what a busy machine does late. */
const PATIENCE = 30_000;

export interface Options {
  args?: string[];
  command?: string[];
  /** Where the output goes, in place of the pipe that the test reads. */
  stdout?: number;
}

interface End {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** A script that runs, until it or the test ends. */
export class Program {
  stdout = "";
  stderr = "";
  readonly ended: Promise<End>;
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #looks = new Set<() => void>();
  #closed = false;

  constructor(t: TestContext, script: string, options: Options = {}) {
    const file = path.resolve(project, "scripts", script);
    const [name, ...args] = [...options.command ?? direct, file];
    this.#name = script;
    this.#child = spawn(name, [...args, ...options.args ?? []], {
      cwd: path.dirname(file),
      stdio: ["ignore", options.stdout ?? "pipe", "pipe"],
    });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      this.#look();
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += stripVTControlCharacters(text);
      this.#look();
    });
    this.ended = new Promise((resolve, reject) => {
      this.#child.on("error", reject);
      this.#child.on("close", (status) => {
        resolve({ status, stdout: this.stdout, stderr: this.stderr });
        this.#closed = true;
        this.#look();
      });
    });
    t.onTestFinished(() => this.kill());
  }

  /** Waits until the output is as looked for, for as long as that can be. */
  async until(
    found: (program: this) => boolean,
    patience = PATIENCE,
  ): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    let look = () => {};
    await new Promise<void>((resolve, reject) => {
      const giveUp = (why: string) =>
        reject(
          new Error(`${this.#name} ${why}:\n${this.stdout}${this.stderr}`),
        );
      look = () => {
        if (found(this)) resolve();
        else if (this.#closed) giveUp("has ended, and printed");
      };
      timer = setTimeout(() => giveUp("still prints only"), patience);
      this.#looks.add(look);
      look();
    }).finally(() => {
      clearTimeout(timer);
      this.#looks.delete(look);
    });
  }

  /** Waits for what it prints, to the letter. */
  async printed(stdout: string, stderr = ""): Promise<void> {
    await this.until((program) =>
      program.stdout.length >= stdout.length &&
      program.stderr.length >= stderr.length
    ).catch(() => {}); // what follows says it better
    expect({ stdout: this.stdout, stderr: this.stderr })
      .toEqual({ stdout, stderr });
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Closes our end of what it prints to. */
  deafen(): void {
    this.#child.stdout?.destroy();
  }

  #look(): void {
    for (const look of this.#looks) look();
  }

  /** Ends it by force. */
  async kill(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.on("exit", resolve));
    if (windows) {
      // With the processes that it started.
      spawn("taskkill", ["/pid", `${this.#child.pid}`, "/t", "/f"])
        .on("error", () => this.#child.kill());
    } else {
      this.#child.kill("SIGTERM");
    }
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5_000);
    await gone;
    clearTimeout(timer);
  }
}

/** Runs a script to its end. */
export const run = (
  t: TestContext,
  script: string,
  options?: Options,
): Promise<End> => new Program(t, script, options).ended;

/** Starts a server, and waits until it says that a client may start now. */
export async function serve(
  t: TestContext,
  script: string,
  options?: Options,
): Promise<Program> {
  const server = new Program(t, script, options);
  await server.until(({ stdout }) => stdout.includes("Starting"));
  return server;
}

/** Starts a server as faults.ts does, which see. */
export const serveWithFaults = (
  t: TestContext,
  script: string,
): Promise<Program> =>
  serve(t, path.join(import.meta.dirname, "faults.ts"), { args: [script] });

/** Runs a client that has as many files open as it may. */
export const runExhausted = (t: TestContext, script: string): Promise<End> =>
  run(t, path.join(import.meta.dirname, "faults.ts"), {
    args: [script, "exhausted"],
    command: ["sh", "-c", 'ulimit -n 200; exec "$@"', "sh", ...direct],
  });

/** How a server can lose what it prints to, and what starts it so. */
export const lostOutputs: [
  string,
  (t: TestContext, script: string) => unknown,
][] = [
  ["a closed pipe", async (t, script) => {
    const server = await serve(t, script);
    server.deafen();
  }],
];
// Deno's own console throws here, and nothing in a script can keep it from that.
if (runtime !== "deno") {
  if (fs.existsSync("/dev/full")) {
    lostOutputs.push(["a full disk", (t, script) => {
      const full = fs.openSync("/dev/full", "w");
      new Program(t, script, { stdout: full });
      fs.closeSync(full);
    }]);
  }
  if (hasPython) {
    lostOutputs.push(["a closed terminal", (t, script) =>
      serve(t, script, {
        command: ["python3", "-c", CLOSED_TERMINAL, ...direct],
      })]);
  }
}

/** The folders that a reader may copy a script to, and their package.json. */
export const folders: [string, string?][] = [
  ["an empty folder"],
  // Plain Node takes a .ts file there for CommonJS, which has no import.
  ...runtime === "node" ? [] : [
    ["a folder made by npm init -y", '{ "name": "x", "type": "commonjs" }'],
  ] as [string, string][],
  ['a folder with "type": "module"', '{ "name": "x", "type": "module" }'],
];

/** Makes a folder of a reader's, and in it the package.json given. */
export function folder(t: TestContext, packageJson?: string): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), "socket-"));
  t.onTestFinished(() =>
    // Windows holds on to the folder of a program for some time after its end.
    fs.promises.rm(made, {
      recursive: true,
      force: true,
      maxRetries: 10,
      retryDelay: 200,
    })
  );
  if (packageJson) {
    fs.writeFileSync(path.join(made, "package.json"), packageJson);
  }
  return made;
}

/** Copies a script, alone, and changes nothing in it but the port, if given. */
export function copy(script: string, to: string, port?: number): string {
  const source = fs.readFileSync(path.join(project, "scripts", script), "utf8");
  const file = path.join(to, script);
  fs.writeFileSync(
    file,
    port ? source.replace(/(?<=^const PORT = )\d+/m, `${port}`) : source,
  );
  return file;
}
