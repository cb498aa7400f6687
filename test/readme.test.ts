// The README stays true: what it shows is run here, by copies of the scripts on
// ports of their own.

import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, test, type TestContext } from "vitest";
import { cause, client, noAnswer, taken } from "./expected.ts";
import { freePort, TCP_PORT, UDP_PORT } from "./peer.ts";
import {
  copy,
  folder,
  hasPython,
  type Program,
  project,
  run,
  runtime,
  serve,
  windows,
} from "./program.ts";

const readme = fs.readFileSync(path.join(project, "README.md"), "utf8")
  .replaceAll("\r\n", "\n");

/** What stands under a heading. */
const section = (title: string) => {
  const [, after] = readme.split(`\n## ${title}\n`);
  return after.split("\n## ")[0];
};

/** The fenced blocks of a kind, without the indentation of those in a list. */
const blocks = (kind: string, where: string) =>
  [...where.matchAll(
    new RegExp(`^( *)\`\`\`${kind}\\n(.*?)^ *\`\`\`$`, "gms"),
  )].map(([, indent, body]) =>
    body.replaceAll(new RegExp(`^${indent}`, "gm"), "")
  );

/** The cells of a table, a row each, without its head. */
const rows = (table: string) =>
  [...table.matchAll(/^\|(.*)\|$/gm)]
    .map(([, row]) => row.split("|").map((cell) => cell.trim()))
    .slice(2);

/** What stands in backticks. */
const codes = (cell: string) =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code);

const anyPort = (shown: string) =>
  shown.replace(/(127\.0\.0\.1', )\d+/g, "$1PORT");

describe("what it names is there", () => {
  test("every script", () => {
    const named = [...readme.matchAll(/scripts\/[^\s`)"]+/g)];
    expect(named.length).toBeGreaterThan(20);
    for (const [script] of named) {
      expect(fs.existsSync(path.join(project, script)), script).toBe(true);
    }
  });

  test("each script in its row, and no other", () => {
    const scripts = fs.readdirSync(path.join(project, "scripts"));
    expect(rows(section("The scripts")).map(([link]) => link))
      .toEqual(scripts.map((script) => `[${script}](scripts/${script})`));
  });

  test("a script in every command of Where it runs", () => {
    const commands = rows(section("Where it runs"))
      .map(([, command]) => command.replace(/scripts\/[\w-]+\.ts/, "SCRIPT"));
    expect(commands).toEqual([
      "`npx tsx SCRIPT`",
      "`node SCRIPT`",
      "`deno run -N SCRIPT`",
      "`bun SCRIPT`",
    ]);
  });

  test("every link within the project", () => {
    const headings = [...readme.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
      `#${heading.toLowerCase().replace(/[^\w -]/g, "").replaceAll(" ", "-")}`
    );
    const links = [...readme.matchAll(/\]\(([^)]+)\)/g)]
      .map(([, link]) => link)
      .filter((link) => !link.startsWith("https://"));
    expect(links.length).toBeGreaterThan(10);
    for (const link of links) {
      const there = link.startsWith("#")
        ? headings.includes(link)
        : fs.existsSync(path.join(project, link));
      expect(there, link).toBe(true);
    }
  });

  test("every port", () => {
    const ports = [
      ...readme.matchAll(/(?:udp:|tcp:|Port |port |:|', )(\d{4,})/g),
    ]
      .map(([, port]) => Number(port));
    expect(new Set(ports)).toEqual(
      new Set([UDP_PORT, TCP_PORT, 54321, 54322, 7777]),
    );
    const [posix] = blocks("sh", section("When it does not work"));
    expect(posix).toMatch(/udp:7852\)\n.* tcp:8998 -sTCP:LISTEN\)\n/);
    const [powershell] = blocks("powershell", readme);
    expect(powershell).toMatch(/UDPEndpoint -LocalPort 7852\)/);
    expect(powershell).toMatch(/TCPConnection -LocalPort 8998 -State Listen\)/);
  });
});

test("every message that it explains is one of a script's", () => {
  // The other tests see to it that the scripts print these.
  const messages = [
    taken.udp,
    taken.tcp,
    noAnswer.udp(),
    noAnswer.notSent(cause.tooLong),
    ...Object.values(cause).map((cause) => noAnswer.tcp(cause)),
    ...Object.values(cause).map((cause) => noAnswer.notWhole(cause)),
    client.reset(54321),
    client.timedOut(54321),
    client.notAnswered(53),
  ];
  // These are Node's, npx's and the system's.
  const others = [
    "EADDRNOTAVAIL",
    "EACCES",
    "ERR_MODULE_NOT_FOUND",
    "MODULE_NOT_FOUND",
    "ERR_UNKNOWN_FILE_EXTENSION",
    "npx",
    "npx tsx",
    "Terminate batch job (Y/N)?",
  ];
  const quoted = rows(section("When it does not work"))
    .flatMap(([see]) => codes(see));
  expect(quoted.length).toBeGreaterThan(10);
  for (const quote of quoted) {
    if (others.includes(quote)) continue;
    // An address is quoted whole, other messages in parts, of whole words.
    const pattern = quote
      .replace(/[.()\\]/g, "\\$&")
      .replace(/^(?=\w)|(?<=\w)(?=\s*…|$)/g, "\\b")
      .replace(/\s*…\s*/g, ".*");
    const said = new RegExp(/^\d/.test(quote) ? `^${pattern}$` : pattern);
    expect(messages.some((message) => said.test(message)), quote).toBe(true);
  }
});

describe("every exchange prints what is shown", () => {
  // A block is a terminal: commands, and what each prints. One with a server
  // begins an exchange, and those that follow are its clients.
  const COMMAND =
    /^\$ npx tsx scripts\/(\S+)(?: "(.*)")?\n((?:[^$].*\n|\n)*)/gm;
  const runs = blocks("console", readme).flatMap((block) =>
    [...block.matchAll(COMMAND)].map(([, script, argument, printed]) => ({
      script,
      args: argument ? [argument] : [],
      printed,
      clients: [] as { script: string; args: string[]; printed: string }[],
    }))
  );
  const exchanges = runs.filter(({ script }) => script.includes("server"));
  for (const run of runs) {
    if (run.script.includes("server")) continue;
    exchanges[
      exchanges.findLastIndex((exchange) =>
        runs.indexOf(exchange) < runs.indexOf(run)
      )
    ].clients.push(run);
  }

  test("all of them are found", () => {
    expect(exchanges.map(({ script }) => script.slice(0, 2)))
      .toEqual(["01", "03", "04", "01"]);
    for (const { clients } of exchanges) expect(clients).not.toEqual([]);
    expect(readme.match(/^ *\$ /gm)).toHaveLength(runs.length);
  });

  test.for(exchanges)("$script", async ({ script, printed, clients }, t) => {
    const port = await freePort();
    const place = folder(t);
    const server = await serve(t, copy(script, place, port));
    for (const client of clients) {
      const { args } = client;
      const end = await run(t, copy(client.script, place, port), { args });
      expect({ ...end, stdout: anyPort(end.stdout) })
        .toEqual({ status: 0, stdout: anyPort(client.printed), stderr: "" });
    }
    const [before, after] = printed.split("^C");
    if (after === undefined) {
      expect(await server.ended)
        .toEqual({ status: 0, stdout: printed, stderr: "" });
      return;
    }
    await server.until(({ stdout }) => anyPort(stdout) === anyPort(before));
    if (windows) return; // which has no signal to send to a process
    server.signal("SIGINT");
    const { status, stdout } = await server.ended;
    expect({ status, stdout: anyPort(stdout) })
      .toEqual({ status: 0, stdout: anyPort(before + after) });
  });
});

describe("every experiment does what is said", () => {
  const experiments = section("Try it").split(/^(?=\d\. )/m).slice(1);

  /** Its number by its name, the server that it starts, and its commands. */
  const find = (name: string) => {
    const experiment = experiments.find((text) => text.includes(`**${name}`));
    const [, number] = /Start (0\d)/.exec(experiment ?? "") ?? [];
    return {
      script: number === "03" ? "03-looping-udp-server.ts" : "04-tcp-server.ts",
      commands: blocks("sh", experiment ?? "").join("").trim().split("\n"),
    };
  };

  const start = async (t: TestContext, name: string) => {
    const { script, commands } = find(name);
    const port = await freePort();
    const place = folder(t);
    const server = await serve(t, copy(script, place, port));
    return { commands, port, place, server };
  };

  /** Runs `node -e "..."` or `python3 -c "..."`, with the port changed. */
  const type = (t: TestContext, command: string, port: number) => {
    const [, name, flag, code] = /^(\w+) (-\w) "(.+)"$/.exec(command) ?? [];
    const program = spawn(name === "node" ? process.execPath : name, [
      flag,
      code.replace(`${TCP_PORT}`, `${port}`),
    ]);
    t.onTestFinished(() => {
      program.kill();
    });
    return { stdout: text(program.stdout), ended: once(program, "close") };
  };

  const lineOf04 = async (server: Program) => {
    await server.until(({ stdout }) => stdout.includes("Received"));
    return server.stdout.split("\n")[1];
  };

  test("Byte 501", async (t) => {
    const { commands, port, place, server } = await start(t, "Byte 501");
    const client = copy("02-udp-client.ts", place, port);
    expect(commands).toHaveLength(2);
    for (const command of commands) {
      const [, character, count] = /'(.)'\.repeat\((\d+)\)/.exec(command) ?? [];
      const args = [character.repeat(Number(count))];
      expect(Buffer.from(args[0])).toHaveLength(501);
      expect((await run(t, client, { args })).status).toBe(0);
    }
    await server.until(({ stdout }) => stdout.includes("静"));
    const [, first, second] = server.stdout.split("\n");
    expect(first).toBe("x".repeat(500));
    expect(second).toBe("静".repeat(166) + "\uFFFD");
  });

  test("A silent client", async (t) => {
    const { commands, port, place } = await start(t, "A silent client");
    const silent = type(t, commands[0], port);
    let over = false;
    silent.ended.then(() => over = true);
    const { status } = await run(t, copy("05-tcp-client.ts", place, port));
    expect(status).toBe(0);
    expect(over).toBe(false);
  });

  test("No boundaries", async (t) => {
    const { commands, port, server } = await start(t, "No boundaries");
    const { stdout } = type(t, commands[0], port);
    expect(await stdout).toMatch(/^Received msg: I love {2}from /);
    expect(await stdout).toBe(await lineOf04(server));
  });

  test("A broken connection", async (t) => {
    const { commands, port, server } = await start(t, "A broken connection");
    type(t, commands[0], port);
    await server.until(({ stderr }) => stderr.includes("\n"));
    expect(server.stderr).toMatch(/^127\.0\.0\.1:\d+: read ECONNRESET\n$/);
  });

  // Bun does not end when nobody listens for an error.
  test.skipIf(runtime === "bun")("the same without its listener", async (t) => {
    const { script, commands } = find("A broken connection");
    const port = await freePort();
    const file = copy(script, folder(t), port);
    const whole = fs.readFileSync(file, "utf8");
    const less = whole.replace(
      /^ {2}connection\.on\("error".*?^ {2}\}\);\n/ms,
      "",
    );
    expect(less).not.toBe(whole);
    fs.writeFileSync(file, less);
    const server = await serve(t, file);
    type(t, commands[0], port);
    const { status, stderr } = await server.ended;
    expect(status).not.toBe(0);
    expect(stderr).toContain("    at ");
  });

  test.runIf(hasPython)("Python", async (t) => {
    const { commands, port, server } = await start(t, "Python");
    const { stdout } = type(t, commands[0], port);
    expect(await stdout).toBe(`${await lineOf04(server)}\n`);
  });
});
