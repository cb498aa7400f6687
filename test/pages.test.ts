// What stands in README.md, the Chinese guide, the picture and the scripts
// agrees.

import { describe, expect, test } from "vitest";
import { exists, read, scripts, source } from "./helpers.ts";
import { blocks, codes, GUIDE, PAGES, README, section } from "./pages.ts";

const constants: Record<string, Record<string, number>> = {
  "01": { PORT: 7852 },
  "02": { PORT: 7852, TIMEOUT: 5_000 },
  "03": { PORT: 7852 },
  "04": { PORT: 8998, TIMEOUT: 30_000 },
  "05": { PORT: 8998, TIMEOUT: 10_000 },
};

describe.for(scripts)("%s", (script) => {
  const number = script.slice(0, 2);
  const text = source(number);

  test("has its own port and limit", () => {
    const found = text.matchAll(/^const (PORT|TIMEOUT) = ([\d_]+);/gm);
    const values = [...found].map(([, name, value]) =>
      [name, Number(value.replaceAll("_", ""))] as const
    );
    expect(Object.fromEntries(values)).toEqual(constants[number]);
    expect(text).toContain('const HOST = "127.0.0.1";');
  });

  test("imports one module of Node's, and nothing else", () => {
    const imports = [...text.matchAll(/\b(?:from|import|require)\b.*"(.*)"/g)];
    expect(imports.map(([, name]) => name))
      .toEqual([number < "04" ? "node:dgram" : "node:net"]);
  });

  test("says how to start it, after a server", () => {
    const found = text.matchAll(/^\/\/ {3}npx tsx scripts\/(.*)$/gm);
    const started = [...found].map(([, name]) => name);
    for (const name of started) expect(scripts).toContain(name);
    expect(started).toContain(script);
    expect(started[0]).toContain("server");
  });

  test("has its core in README.md, word for word", () => {
    const heading = new RegExp(`^## (${number} .*)$`, "m").exec(README) ?? [];
    const [core] = blocks(section(README, heading[1]), "ts");
    let rest = text.replaceAll(/ *\/\/ .*$/gm, "");
    const lines = core.split("\n").filter(Boolean);
    for (const line of lines) {
      expect(rest).toContain(`\n${line}\n`);
      rest = rest.slice(rest.indexOf(`\n${line}\n`) + line.length + 1);
    }
    expect(lines.length).toBeGreaterThanOrEqual(6);
    expect(lines.length).toBeLessThanOrEqual(12);
    expect(section(README, heading[1])).toContain(`(scripts/${script})`);
  });
});

describe.for(PAGES)("%s", (file) => {
  const page = read(file);
  const folder = file.replace(/[^/]*$/, "");

  test("has no dead link", () => {
    const headings = [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      "#" + heading.toLowerCase().replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
        .replaceAll(" ", "-")
    );
    const links = [...page.matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link);
    expect(links.length).toBeGreaterThan(5);
    for (const link of links) {
      if (link.startsWith("#")) expect(headings).toContain(link);
      else if (link.startsWith("https:")) {
        expect(link).toMatch(/^https:\/\/nodejs\.org(\/api\/\w+\.html)?$/);
      } else expect(exists(folder + link), link).toBe(true);
    }
  });

  test("names scripts that are there", () => {
    const named = [...page.matchAll(/scripts\/([\w-]+\.ts)/g)];
    expect(named.length).toBeGreaterThan(8);
    for (const [, script] of named) expect(scripts).toContain(script);
  });

  test("names the ports and the limits of the scripts", () => {
    const ports = page.match(/(?<![\d.,x])(?:7\d|8\d)\d\d\b/g) ?? [];
    expect(new Set(ports))
      .toEqual(
        new Set(
          file === "README.md" ? ["7852", "8998"] : [
            "7852",
            "8998",
            "7777", // the port of the chapter's snippets
          ],
        ),
      );
    const seconds = page.match(
      /(?:\d+|five|ten|thirty|五|十|三十)(?= seconds| ?秒)/g,
    );
    const known = ["5", "five", "五", "10", "30"]; // of 02, 05 and 04
    for (const number of seconds ?? []) expect(known).toContain(number);
  });

  test("quotes what the scripts print", () => {
    for (
      const [words, number] of [
        ["not answered", "03"],
        ["timed out", "04"],
        ["timed out", "05"],
        ["connection closed", "05"],
      ]
    ) {
      expect(page).toContain(words);
      expect(source(number)).toContain(words);
    }
  });
});

test("README.md leads to the guide in its third line", () => {
  expect(README.split("\n")[2]).toContain("(scripts/README.zh-CN.md)");
});

test("README.md has each limit where its script is", () => {
  const limits = {
    "02 UDP client": "After five seconds",
    "The client first": "within five seconds",
    "A silent client": "After 30 seconds",
  };
  for (const [heading, words] of Object.entries(limits)) {
    expect(section(README, heading)).toContain(words);
  }
});

test("the guide has each limit where its script is", () => {
  const text = GUIDE.replaceAll(/\s/g, "");
  expect(text).toContain("02最多等5秒，05最多等10秒；04的每个连接最多保持30秒");
});

test("the picture shows the first exchange", () => {
  const svg = read(".github/first-exchange.svg");
  const texts = [...svg.matchAll(/<text.*?>(.*?)<\/text>/g)]
    .map(([, text]) => text.replace("&lt;", "<").replace("&gt;", ">"));
  const shown = texts.join("\n");
  const [buffer] = /<Buffer[^>]*>/.exec(shown) ?? [];
  const session = section(README, "The first exchange");
  for (const block of blocks(session, "sh")) {
    expect(shown.replaceAll(/\n +/g, " ")).toContain(block.trim());
  }
  const [, , message] = /(\?\?) "(.*)"/.exec(source("02")) ?? [];
  expect(buffer?.replaceAll(/\s+/g, " "))
    .toBe(
      `<Buffer ${
        Buffer.from(message).toString("hex").match(/../g)?.join(" ")
      }>`,
    );
  const lines = shown.replace(buffer ?? "", "<Buffer>").split("\n");
  const [starting, ending] = source("01").match(/(Start|End)ing server\.+/g) ??
    [];
  const [, answer] = /const answer = "(.*)"/.exec(source("01")) ?? [];
  const server = [starting, "3", "<Buffer>", "Buffer", "string", message];
  expect(lines.join("\n")).toContain([...server, ending].join("\n"));
  expect(lines.at(-1)).toBe(answer);
  expect(svg).not.toMatch(/<script|href/);
});

test("the Node side of the Python list stands in the scripts", () => {
  const items = section(README, "From Python to Node").split(/^- /m).slice(1);
  const all = scripts.map((script) => read(`scripts/${script}`)).join("\n");
  let count = 0;
  for (const item of items.map((item) => item.replaceAll(/\s+/g, " "))) {
    const [, node] = item.split(/ (?:is|are) /s);
    for (const code of codes(`${node}`)) {
      const [part] = code.split("…");
      expect(all.includes(part.trim()), code).toBe(true);
      count++;
    }
  }
  expect(count).toBeGreaterThan(15);
});

test("each runtime runs the same script", () => {
  const text = section(README, "Use a script in your own project");
  const script = "scripts/01-udp-server.ts";
  for (const runner of ["npx tsx", "node", "deno run -N", "bun"]) {
    expect(text).toContain(`\`${runner} ${script}\``);
  }
});

test("who stops a server by hand names its port", () => {
  const text = section(README, "Stop a server");
  expect(blocks(text, "sh")[0])
    .toMatch(/ udp:7852\)\n.* tcp:8998 -sTCP:LISTEN\)\n$/);
  expect(blocks(text, "powershell")[0])
    .toMatch(/UDP\w+ -LocalPort 7852\).*\n.*TCP\w+ -LocalPort 8998 -State L/);
});
