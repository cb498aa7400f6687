// The scripts' headers, README.md and the Chinese guide show what one types and
// sees. Here, a heading's commands are typed in order, each when the one before
// has printed or ended, then Ctrl+C. A `text` block is all that one has printed.

import path from "node:path";
import { describe, expect } from "vitest";
import { type Lab, read, runtime, scripts, test } from "./lab.ts";
import { short, tsx, until, windows } from "./lab.ts";

const pages = ["README.md", "scripts/README.zh-CN.md"];
type Block = [language: string, code: string];

/** What stands under each heading of a page: its blocks. */
function sectionsOf(file: string) {
  const sections = [{ heading: "", blocks: [] as Block[] }];
  const part = /^#+ (.*)$|^```(\w+)\n([^]*?)^```$/gm;
  for (const [, heading, language, code] of read(file).matchAll(part)) {
    if (heading) sections.push({ heading, blocks: [] });
    else sections.at(-1)?.blocks.push([language, code]);
  }
  return sections;
}

/** The header of a script as a section: its blocks are indented. */
function headerOf(file: string) {
  const [header] = read(file).split("\n\n");
  const [typed, printed] = [...header.matchAll(/^\/\/\n((?:\/\/ {3}.*\n)+)/gm)]
    .map(([, code]) => code.replaceAll(/^\/\/ {3}/gm, ""));
  const blocks: Block[] = [["sh", typed], ["text", printed]];
  return { heading: "header", blocks };
}

/** Code without remarks and blank lines. */
const bare = (code: string) =>
  code.replaceAll(/^ *\/\/.*\n| +\/\/ .*$|^\n/gm, "");

describe.for(pages)("%s", (file) => {
  const excerpts = sectionsOf(file).flatMap(({ heading, blocks }) =>
    blocks.filter(([name]) => name === "ts").map(([, code]) => [heading, code])
  );
  test.for(excerpts)("%s: shows its script's code", ([heading, code]) => {
    const script = scripts[`${heading.match(/0\d/)}`];
    let rest = `\n${bare(read(script))}`;
    const sides = `the page (+) differs from ${script} (-)`;
    if (code.startsWith("import")) expect(`\n${bare(code)}`, sides).toBe(rest);
    for (const part of code.split(/ +\/\/ \.\.\.\n/).map(bare)) {
      const lines = part.split(/(?<=\n)/);
      const upTo = (i: number) => `\n${lines.slice(0, i + 1).join("")}`;
      const wrong = lines.find((_, i) => !rest.includes(upTo(i)));
      expect(wrong, `a line that ${script} has not there`).toBeUndefined();
      rest = rest.slice(rest.indexOf(`\n${part}`) + part.length);
    }
  });

  test("its commands name no other ports than the scripts", () => {
    const commands = read(file).match(/^```\w*shell\n[^]*?^```$/gm);
    const ports = commands?.join().match(/\b\d{4,5}\b/g);
    expect([...new Set(ports)].sort()).toEqual(["7852", "8998"]);
  });

  test("has no dead link", () => {
    for (const [, link] of read(file).matchAll(/\]\((?!https:)([^)\s]+)\)/g)) {
      const [name, id] = link.split("#");
      const target = name ? path.posix.join(path.dirname(file), name) : file;
      const ids = sectionsOf(target).map(({ heading }) =>
        heading.toLowerCase().replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
          .replaceAll(" ", "-")
      );
      if (id) expect(ids, link).toContain(decodeURI(id));
    }
  });
});

test("README.md links to each experiment", () => {
  const page = read("README.md");
  const [, part] = page.split(/^## (?:Exp|What comes).*$/m);
  for (const [, heading] of part.matchAll(/^### (.*)$/gm)) {
    const link = `](#${heading.toLowerCase().replaceAll(" ", "-")})`;
    expect(page.includes(link), `a link to "${heading}"`).toBe(true);
  }
});

test("both pages have the same headings of codes", () => {
  const [english, chinese] = pages.map((page) =>
    sectionsOf(page).flatMap((it) => it.heading.match(/`.+?`/g) ?? []).sort()
  );
  expect(chinese).toEqual(english);
});

test("the picture shows the first exchange", () => {
  const svg = read(".github/first-exchange.svg");
  const shown = [...svg.matchAll(/<text(?! class="step").*?>(.*?)<\/text>/g)]
    .map(([, text]) => text.replace("&lt;", "<").replace("&gt;", ">")).join("");
  for (const number of ["01", "02"]) {
    const [, [, output]] = headerOf(scripts[number]).blocks;
    expect(shown.replaceAll(" ", "")).toContain(output.replaceAll(/\s/g, ""));
  }
});

/** Output without what may differ. On Windows, nobody can send Ctrl+C. */
const same = (output: string) =>
  short(output)
    .replaceAll(/(?<=127\.0\.0\.1', )\d+|(?<=^127\.0\.0\.1:)\d+/gm, "PORT")
    .replace(/(?<=bind EADDRINUSE 127\.0\.0\.1):\d+/, "") // Bun names no port.
    .replace(windows ? /Ending.*\n$/ : "", "");

async function typeAll(lab: Lab, blocks: Block[]) {
  lab.timeout("02", 1_000).timeout("05", 1_000).timeout("04", 5_000)
    .edit("04", "${TIMEOUT / 1000}", "30"); // It says what it says to readers.
  for (const [language, code] of blocks) {
    if (language === "diff") { // It makes try.ts from a script.
      const side = (line: RegExp) =>
        [...code.matchAll(line)].map(([, text]) => `${text}\n`).join("");
      const before = side(/^[- ](.*)$/gm);
      const texts = Object.values(scripts).map(read);
      const text = texts.find((it) => it.includes(before)) ?? "";
      expect(text, `a script has:\n${before}`).toContain(before);
      const after = text.replace(before, () => side(/^[+ ](.*)$/gm));
      lab.write("try.ts", lab.local(after));
    }
    if (language !== "sh") continue;
    // Text in double quotes may have several lines.
    const commands = lab.local(code).matchAll(/^\S(?:"[^"]*"|[^"\n])*$/gm);
    for (const [command] of commands) {
      const [first, ...words] = [...command.matchAll(/"([^"]*)"|\S+/g)]
        .map(([word, quoted]) => quoted ?? word);
      const npxTsx = first === "npx" && words.shift() === "tsx";
      if (!npxTsx) expect(first, 'the command in a block "sh"').toBe("node");
      const program = npxTsx
        ? lab.script(...words)
        : lab.run(process.execPath, ...words);
      const ready = () => program.output || program.ended();
      await until(`output of ${program.name}`, ready);
    }
  }
  const servers = lab.programs.filter((it) => /^Starting/.test(it.output));
  const clients = lab.programs.filter((it) => !servers.includes(it));
  for (const client of clients) await client.end();
  for (const server of servers) {
    // 01 ends by itself after its answer.
    const ending = server.name.includes("01-") && /Buffer/.test(server.output);
    if (windows && !ending) await server.kill();
    else if (!ending) server.signal("SIGINT");
    await server.end();
  }
  const printed = lab.programs.map(({ output }) => same(output));
  for (const [, code] of blocks.filter(([language]) => language === "text")) {
    const shown = same(lab.local(code));
    const begins = (it: string) => it.startsWith(shown.split("\n")[0]);
    const other = printed.find(begins) ?? printed.join("");
    const found = printed.includes(shown) ? shown : other;
    expect(found, "what the programs have printed").toBe(shown);
    printed.splice(printed.indexOf(shown), 1);
  }
}

const seen = new Set<string>(); // What both pages show is run once.
describe.for([...Object.values(scripts), ...pages])("%s", (file) => {
  const sections = pages.includes(file) ? sectionsOf(file) : [headerOf(file)];
  for (const { heading, blocks } of sections) {
    const run = blocks.filter(([kind]) => /^(sh|text|diff)$/.test(kind));
    const key = JSON.stringify(run);
    if (!/"sh"/.test(key) || seen.has(key)) continue;
    seen.add(key);
    test(heading, ({ lab }) => typeAll(lab, run));
  }
});

// As README.md tells it, on every Node: npx and tsx.
const typed = (lab: Lab, number: string) =>
  lab.run(process.execPath, path.join(tsx, "cli.mjs"), scripts[number]);

const isNode = runtime === "node";
test.runIf(isNode)("tsx runs 01 and 02", async ({ lab }) => {
  for (const type of ["", '"type": "commonjs"', '"type": "module"']) {
    lab.write("package.json", `{${type}}`);
    const server = typed(lab, "01");
    await server.prints("Starting");
    await typed(lab, "02").ends(0, "Ich hab keine Hunge\n");
    expect(await server.end()).toMatch(/^0: /);
  }
});

test.runIf(isNode && !windows)("tsx passes on Ctrl+C", async ({ lab }) => {
  const server = typed(lab, "04");
  await server.prints("Starting");
  server.signal("SIGINT");
  await server.ends(0, server.output + "Ending tcp server.......\n");
});
