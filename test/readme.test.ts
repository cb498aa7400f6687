// The README stays true: what it shows is run, what it quotes is what the
// scripts print, and its links lead where they say. Its prose is for people.

import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, test, type TestContext } from "vitest";
import { cause, client, lines, noAnswer, starting } from "./expected.ts";
import { freePort } from "./peer.ts";
import {
  asTyped,
  folder,
  project,
  run,
  runtime,
  scripts,
  serve,
  windows,
} from "./program.ts";

const readme = fs.readFileSync(path.join(project, "README.md"), "utf8")
  .replaceAll("\r\n", "\n");

/** What stands under each heading; the head's is "". */
const sections = new Map(
  readme.split(/^## /m).map((section, i) => {
    const title = i ? section.split("\n")[0] : "";
    return [title, section.slice(title.length)];
  }),
);
const section = (start: string) => {
  const [, found] = [...sections].find(([title]) => title.startsWith(start)) ??
    [];
  return found as string;
};

/** The fenced blocks of a kind. */
const blocks = (kind: string, where: string) =>
  [...where.matchAll(new RegExp(`^\`\`\`${kind}\\n(.*?)^\`\`\`$`, "gms"))]
    .map(([, body]) => body);

/** The two cells of each row of a section's table, without its head. */
const rows = (where: string) =>
  [...where.matchAll(/^(.+?) \| (.+)$/gm)].slice(2)
    .map(([, first, second]) => [first, second]);

/** What stands in backticks, blocks aside. */
const codes = (where: string) =>
  [...where.replaceAll(/^```.*?^```$/gms, "").matchAll(/`([^`]+)`/g)]
    .map(([, code]) => code);

/** The port that everything shown about a script has. */
const portOf = (number: string) => number < "04" ? 7852 : 8998;

const anyClient = (shown: string) =>
  shown.replaceAll(/(?<=127\.0\.0\.1', )\d+/g, "PORT");

describe("links lead where they say:", () => {
  const slug = (heading: string) =>
    "#" + heading.toLowerCase().replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-");
  const links = [...readme.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)]
    .map(([, name, link]) => [name, link]);

  test("each case to its section", () => {
    const cases = rows(section("")).map(([link]) => link);
    const titles = [...sections.keys()].filter((title) => /^\d/.test(title));
    expect(cases).toEqual(titles.map((title) => `[${title}](${slug(title)})`));
    expect(titles).toHaveLength(scripts.length);
  });

  test.for(scripts)("the section to %s", (script) => {
    expect(section(script.slice(0, 2)))
      .toMatch(
        RegExp(`^\\n\\nThe script: \\[${script}\\]\\(scripts/${script}\\)`),
      );
  });

  test("others to a page, or to a section by its name", () => {
    for (const [name, link] of links) {
      if (/^https:|^scripts\//.test(link)) continue;
      expect([...sections.keys()]).toContain(name);
      expect(link).toBe(slug(name));
    }
  });
});

describe("ports and commands:", () => {
  test("every script that is named is there", () => {
    const named = [...readme.matchAll(/scripts\/([\w-]+\.ts)/g)]
      .map(([, script]) => script);
    expect(named.length).toBeGreaterThan(20);
    for (const script of named) expect(scripts).toContain(script);
  });

  test("each runtime runs the same script", () => {
    const commands = rows(section("Where it runs"))
      .map(([, command]) => command.replace(/ scripts\/.*/, ""));
    expect(commands).toEqual(["`npx tsx", "`node", "`deno run -N", "`bun"]);
  });

  test("those who end a server by hand name its port", () => {
    const [posix] = blocks("sh", section("When it does not work"));
    expect(posix).toMatch(/ udp:7852\)\n.* tcp:8998 /);
    const [powershell] = blocks("powershell", readme);
    expect(powershell).toMatch(
      /UDP\w+ -LocalPort 7852\).*\n.*TCP\w+ -LocalPort 8998 /,
    );
    expect(readme).toContain("`nc 127.0.0.1 8998`");
  });

  test("every message that is explained is a script's, Node's or npx's", () => {
    const known = [
      noAnswer.udp(7852),
      noAnswer.tooLong(7852),
      ...[cause.nobody, cause.late(), cause.closed].map((why) =>
        noAnswer.tcp(8998, why)
      ),
      client.reset(54321),
      client.timedOut(54321),
      client.notAnswered(54321),
      "EADDRINUSE",
      "EADDRNOTAVAIL",
      "EACCES",
      "ERR_MODULE_NOT_FOUND",
      "MODULE_NOT_FOUND",
      "ERR_UNKNOWN_FILE_EXTENSION",
      "Cannot use import statement outside a module",
      "EAI_AGAIN",
      "npx",
      "npm",
      "Terminate batch job (Y/N)?",
    ];
    const quoted = rows(section("When it does not work"))
      .flatMap(([see]) => codes(see));
    // A message is quoted from its beginning, as far as it tells.
    for (const message of known) {
      expect(quoted.filter((quote) => message.startsWith(quote)), message)
        .toHaveLength(1);
    }
    expect(quoted).toHaveLength(known.length);
  });
});

// A block is a terminal: commands, and what each prints. The first one of a
// section is a server's, with clients after it, or a client's, with no server.
interface Command {
  number: string;
  args: string[];
  printed: string;
}
const COMMAND = /^\$ npx tsx scripts\/(\d\d)\S+(?: "(.*)")?\n((?:[^$].*\n)*)/gm;
const exchanges = [...sections].flatMap(([title, where]) => {
  const commands = blocks("console", where)
    .flatMap((block) => [...block.matchAll(COMMAND)])
    .map(([, number, argument, printed]): Command => (
      { number, args: argument ? [argument] : [], printed }
    ));
  return commands.length ? [{ title: title || "the first", commands }] : [];
});

describe.concurrent("every exchange prints what is shown:", () => {
  test("all of them are found", () => {
    expect(exchanges.map(({ commands }) => commands[0].number))
      .toEqual(["01", "01", "02", "03", "04", "05"]);
    expect(readme.match(/^\$ /gm))
      .toHaveLength(exchanges.flatMap(({ commands }) => commands).length);
  });

  test.for(exchanges)("$title", async ({ title, commands }, t) => {
    // Once in an empty folder, else in one such as npm init -y makes (but for
    // plain Node, which takes a .ts file there for CommonJS).
    const type = runtime === "node" ? "module" : "commonjs";
    const place = folder(t, /^\d/.test(title) ? `{ "type": "${type}" }` : "");
    const [first, ...clients] = commands;
    const port = await freePort();
    const options = { command: asTyped, place };
    const shown = (printed: string) =>
      printed.replaceAll(`:${portOf(first.number)}`, `:${port}`);

    if (clients.length === 0) {
      const stderr = shown(first.printed);
      expect(await run(t, first.number, port, options))
        .toEqual({ status: 1, stdout: "", stderr });
      return;
    }
    const server = await serve(t, first.number, { ...options, port });
    for (const { number, args, printed } of clients) {
      const end = await run(t, number, port, { ...options, args });
      expect({ ...end, stdout: anyClient(end.stdout) })
        .toEqual({ status: 0, stdout: anyClient(printed), stderr: "" });
      // The two terminals show the same client.
      if (first.number === "04") expect(first.printed).toContain(printed);
    }
    const [before, after] = first.printed.split("^C");
    await t.expect.poll(() => anyClient(server.stdout))
      .toBe(anyClient(before));
    if (after === undefined) {
      expect(await server.ended).toMatchObject({ status: 0, stderr: "" });
    } else if (!windows) { // which has no signal to send to a process
      server.signal("SIGINT");
      const { stdout } = await server.ended;
      expect(anyClient(stdout)).toBe(anyClient(before + after));
    }
  });
});

describe.concurrent("every experiment does what is said:", () => {
  /** What follows "Try it: ...". */
  const experiment = (name: string) =>
    readme.split(`*Try it: ${name}`)[1].split(/\*Try it|\n## /)[0];

  /** Runs `node -e "..."` or `python3 -c "..."`, with the port changed. */
  const type = (t: TestContext, name: string, port: number) => {
    const [command] = blocks("sh", experiment(name));
    const [, program, flag, code] = /^(\w+) (-\w) "(.+)"\n$/.exec(command) ??
      [];
    const child = spawn(
      program === "node" ? process.execPath : program,
      [flag, code.replace("8998", `${port}`)],
    );
    t.onTestFinished(() => {
      child.kill();
    });
    return { child, stdout: text(child.stdout), ended: once(child, "close") };
  };

  test("a taken port", async (t) => {
    const server = await serve(t, "01");
    const { stderr } = await run(t, "01", server.port);
    const said = stderr.trim().replace(`:${server.port}`, ":7852");
    // Bun leaves the port out.
    if (runtime !== "bun") {
      expect(codes(experiment("a taken port"))).toContain(said);
    }
  });

  test("byte 501", async (t) => {
    const server = await serve(t, "03");
    const commands = blocks("sh", experiment("byte 501"))[0].trim().split("\n");
    expect(commands).toHaveLength(2);
    for (const command of commands) {
      const [, character, count] = /'(.)'\.repeat\((\d+)\)/.exec(command) ?? [];
      const args = [character.repeat(Number(count))];
      expect(Buffer.from(args[0])).toHaveLength(501);
      await run(t, "02", server.port, { args });
    }
    expect(experiment("byte 501")).toContain("('静' * 167)");
    const [, first, second] = server.stdout.split("\n");
    expect(first).toBe("x".repeat(500));
    expect(second).toBe(`${"静".repeat(166)}�`);
  });

  test("a silent client", async (t) => {
    const server = await serve(t, "04");
    const { child } = type(t, "a silent client", server.port);
    const { status } = await run(t, "05", server.port);
    expect([status, child.exitCode]).toEqual([0, null]);
  });

  test("a broken connection", async (t) => {
    const server = await serve(t, "04");
    type(t, "a broken connection", server.port);
    await t.expect.poll(() => server.stderr)
      .toMatch(/^127\.0\.0\.1:\d+: read ECONNRESET\n$/);
  });

  // Bun does not end when nobody listens for an error.
  test.skipIf(runtime === "bun")("the same without its listener", async (t) => {
    const change = (text: string) =>
      text.replace(/^ {2}connection\.on\("error".*?^ {2}\}\);\n/ms, "");
    const server = await serve(t, "04", { change });
    type(t, "a broken connection", server.port);
    expect((await server.ended).stderr).toContain("    at ");
  });

  // On Windows, the name may lead to a shop.
  test.skipIf(windows)("Python", async (t) => {
    const server = await serve(t, "04");
    const answer = await type(t, "Python", server.port).stdout;
    expect(answer).toMatch(/^Received msg: Hello from /);
    await server.printed(lines(starting["04"]) + answer);
  });

  test.for([false, true])("two pieces (to the changed copy: %s)", async (
    changed,
    t,
  ) => {
    const [answer, added, answerOfCopy] = codes(experiment("two pieces"));
    const [put] = blocks("ts", experiment("two pieces"));
    const change = (text: string) =>
      `${added}\n` + text.replace(/^ *connection\.once\("data".*\n.*\n/m, put);
    const server = await serve(t, "04", changed ? { change } : {});
    const { child } = type(t, "two pieces", server.port);
    const [said] = await once(child.stdout, "data");
    const [start] = (changed ? answerOfCopy : answer).split("…");
    expect(String(said).startsWith(start)).toBe(true);
  });
});
