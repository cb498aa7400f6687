// README.md, the guide and the picture show what the scripts are and print.

import { describe, expect, test } from "vitest";
import { blocks, codes, GUIDE, items, README, section } from "./pages.ts";
import { asTyped, freePort, read, runtime, scripts } from "./program.ts";
import { serve, source, start, windows } from "./program.ts";

/** What a pattern's group finds in a text. */
const all = (pattern: RegExp, text: string): string[] =>
  [...text.matchAll(pattern)].map(([, found]) => found);

const texts = scripts.map((script) => read(`scripts/${script}`)).join("\n");

const constants: Record<string, string[]> = {
  "01": ['HOST = "127.0.0.1"', "PORT = 7852"],
  "02": ['HOST = "127.0.0.1"', "PORT = 7852", "TIMEOUT = 5_000"],
  "03": ['HOST = "127.0.0.1"', "PORT = 7852"],
  "04": ['HOST = "127.0.0.1"', "PORT = 8998", "TIMEOUT = 30_000"],
  "05": ['HOST = "127.0.0.1"', "PORT = 8998", "TIMEOUT = 10_000"],
};

describe.for(scripts)("%s", (script) => {
  const number = script.slice(0, 2);
  const text = source(number);

  test("has its constants, and imports one module of Node's", () => {
    expect(all(/^const ([A-Z]+ = .*?);/gm, text)).toEqual(constants[number]);
    expect(all(/\b(?:from|import|require)\b.*"(.*)"/g, text))
      .toEqual([number < "04" ? "node:dgram" : "node:net"]);
  });

  test("says how to start it, after a server", () => {
    const started = all(/^\/\/ {3}npx tsx scripts\/(.*)$/gm, text);
    expect(scripts).toEqual(expect.arrayContaining(started));
    expect(started).toContain(script);
    expect(started[0]).toContain("server");
  });

  test("has the lines that README.md shows, in their order", () => {
    const [heading] = all(RegExp(`^## (${number} .*)$`, "gm"), README);
    const [core] = blocks(section(README, heading), "ts");
    const mark = /^( *\/\/ \.\.\.)?$/; // of lines that are left out
    const lines = core.split("\n").filter((line) => !mark.test(line));
    let rest = text.replaceAll(/ *\/\/ .*$/gm, "");
    for (const line of lines) {
      expect(rest).toContain(`\n${line}\n`);
      rest = rest.slice(rest.indexOf(`\n${line}\n`) + line.length + 1);
    }
    expect([6, 7, 8, 9, 10, 11, 12]).toContain(lines.length);
    expect(section(README, heading)).toContain(`(scripts/${script})`);
  });
});

const pages = [["README.md", README], ["the guide", GUIDE]];
describe.for(pages)("%s", ([, page]) => {
  test("has no dead link", () => {
    const headings = all(/^#+ (.*)$/gm, page).map((heading) =>
      "#" + heading.toLowerCase().replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
        .replaceAll(" ", "-")
    );
    const links = all(/\]\(([^)]+)\)/g, page);
    expect(links.length).toBeGreaterThan(5);
    for (const link of links) {
      if (link.startsWith("#")) expect(headings).toContain(link);
      else if (link.startsWith("https:")) {
        expect(link).toMatch(/^https:\/\/nodejs\.org(\/api\/\w+\.html)?$/);
      } else expect(read(link)).not.toBe("");
    }
  });

  test("names the scripts, their ports and their limits", () => {
    const named = all(/scripts\/([\w-]+\.ts)/g, page);
    expect(new Set(named)).toEqual(new Set(scripts));
    const ports = new Set(all(/(?<![\d.,x])((?:7\d|8\d)\d\d)\b/g, page));
    ports.delete("7777"); // the port of the chapter's snippets
    expect(ports).toEqual(new Set(["7852", "8998"]));
    for (const words of ["not answered", "timed out", "connection closed"]) {
      expect(page.includes(words) && texts.includes(words), words).toBe(true);
    }
    for (const limit of all(/(\d+|five|ten|五|十)(?= seconds| ?秒)/g, page)) {
      expect(["5", "five", "五", "10", "ten", "30"]).toContain(limit);
    }
  });
});

test("the link to the guide and the limits are in their sections", () => {
  expect(README.split("\n")[2]).toContain("(scripts/README.zh-CN.md)");
  expect(section(README, "02 UDP client")).toContain("After five seconds");
  expect(section(README, "The client first")).toContain("within five seconds");
  expect(section(README, "A silent client")).toContain("After 30 seconds");
  expect(GUIDE).toContain("02 最多等 5 秒，05 最多等 10 秒");
  expect(GUIDE).toContain("04 的每个连接最多保持 30 秒");
});

test("the picture shows the first exchange", () => {
  const svg = read(".github/first-exchange.svg");
  const shown = all(/<text.*?>(.*?)<\/text>/g, svg).join("\n")
    .replace("&lt;", "<").replace("&gt;", ">");
  for (const block of blocks(section(README, "The first exchange"), "sh")) {
    expect(shown.replaceAll(/\n +/g, " ")).toContain(block.trim());
  }
  const [message] = all(/\?\? "(.*)"/g, source("02"));
  const bytes = all(/(..)/g, Buffer.from(message).toString("hex")).join(" ");
  const [starting, ending] = all(/"(\w+ing server\.+)"/g, source("01"));
  const [answer] = all(/const answer = "(.*)"/g, source("01"));
  const server = `<Buffer ${bytes}> Buffer string ${message} ${ending}`;
  expect(shown.replaceAll(/\s+/g, " ")).toContain(`${starting} 3 ${server}`);
  expect(shown.split("\n").at(-1)).toBe(answer);
  expect(svg).not.toMatch(/<script|href/);
});

test("the scripts contain the Node code of the Python lists", () => {
  const right = items("From Python to Node")
    .map((item) => item.split(/ (?:is|are) /).slice(1).join(" "));
  right.push(...all(/^- .*?：(.*)$/gm, section(GUIDE, "五个案例")));
  const parts = right.flatMap(codes).map((code) => code.split("…")[0].trim());
  expect(parts.filter((part) => !texts.includes(part))).toEqual([]);
  expect(parts.length).toBeGreaterThan(30);
});

test("each command names the right script or port", () => {
  const own = section(README, "Use a script in your own project");
  for (const runner of ["npx tsx", "node", "deno run -N", "bun"]) {
    expect(own).toContain(`\`${runner} scripts/01-udp-server.ts\``);
  }
  const text = section(README, "Stop a server");
  expect(text).toMatch(/ udp:7852\)\n.* tcp:8998 -sTCP:LISTEN\)/);
  expect(text).toMatch(/UDP\w+ -LocalPort 7852\).*\n.*TCP\w+ -LocalPort 8998 /);
});

const CLIENT = /scripts\/(02|05)-[\w-]+\.ts(?: "(.*)")?$/gm;

test.for<[page: string, heading: string, server: string]>([
  [README, "Your own message", "01"],
  [README, "02 UDP client", ""],
  [README, "03 Looping UDP server", "03"],
  [README, "04 TCP server", "04"],
  [README, "05 TCP client", ""],
  [GUIDE, "准备与第一次运行", "01"],
])("$1 shows what is printed", async ([page, heading, number]) => {
  const text = section(page, heading);
  const PORT = await freePort();
  const server = number ? await serve(number, { PORT }) : undefined;
  let output = "";
  const commands = blocks(text, "sh").join("").matchAll(CLIENT);
  for (const [, client, message] of commands) {
    const args = message ? [message] : [];
    const { stdout, stderr } = await start(client, { PORT, args }).end();
    output += stdout + stderr;
  }
  // On Windows, no program can send SIGINT to another.
  if (number > "01" && !windows) server?.signal("SIGINT");
  if (number === "01" || !windows) await server?.end();
  output += server?.stdout;
  // The pages show other ports than those in this test.
  const same = (output: string) =>
    output.replaceAll(/(?<=127\.0\.0\.1(:|', ))\d+/g, "PORT");
  for (const block of blocks(text, "text")) {
    const shown = windows ? block.replace(/Ending.*\n$/, "") : block;
    expect(same(output)).toContain(same(shown));
  }
});

test("the guide's commands and outputs are in README.md", () => {
  const [, ...cases] = GUIDE.split(/^(?=### )/m);
  const lines = ["sh", "powershell", "text"].flatMap((language) =>
    blocks(cases.join(""), language).join("").split("\n")
  );
  const missing = lines.filter((line) => {
    const same = line.replace("node scripts", "npx tsx scripts");
    return !README.includes(same.replace("你好", "Hello"));
  });
  expect(missing).toEqual([]);
});

// Only tsx runs the scripts in all these folders.
const folders = ["", '{ "type": "commonjs" }', '{ "type": "module" }'];
test.runIf(runtime === "tsx").for(folders)(
  "the first exchange as it is typed, in a folder with package.json %j",
  async (packageJson) => {
    const options = { command: asTyped, packageJson };
    const server = await serve("01", options);
    const client = start("02", { ...options, PORT: server.port });
    await client.ends(0, "Ich hab keine Hunge\n");
    expect((await server.end()).status).toBe(0);
  },
);
