// The headers of the scripts, README.md and the Chinese guide show what one types
// and sees. Here it is typed, and what is seen is compared.
//
// What stands under one heading is typed in order. A command waits until the one
// before has printed something, or has ended. At the end, Ctrl+C is pressed. Each
// `text` block is all that one of these programs has printed.

import path from "node:path";
import { describe, expect } from "vitest";
import { type Lab, names, read, runtime, test, until, windows } from "./lab.ts";

const pages = ["README.md", "scripts/README.zh-CN.md"];
const numbers = Object.keys(names);
const source = (number: string) => read(`scripts/${names[number]}`);

type Block = [language: string, code: string];

/** What stands under each heading of a page: its blocks. */
function sectionsOf(page: string) {
  const sections = [{ heading: "", blocks: [] as Block[] }];
  const part = /^#+ (.*)$|^```(\w+)\n([^]*?)^```$/gm;
  for (const [, heading, language, code] of page.matchAll(part)) {
    if (heading) sections.push({ heading, blocks: [] });
    else sections.at(-1)?.blocks.push([language, code]);
  }
  return sections;
}

/** The header of a script as a section: its blocks are indented. */
function headerOf(number: string) {
  const [header] = source(number).split("\n\n");
  const blocks = [...header.matchAll(/^\/\/\n((?:\/\/ {3}.*\n)+)/gm)]
    .map(([, lines]) => lines.replaceAll(/^\/\/ {3}/gm, ""))
    .map((code, i): Block => [i === 0 ? "sh" : "text", code]);
  return { heading: `the header of ${number}`, blocks };
}

/** The commands of a block. Text in double quotes may have several lines. */
const commandsOf = (block: string) =>
  [...block.matchAll(/^\S(?:"[^"]*"|[^"\n])*$/gm)].map(([command]) =>
    [...command.matchAll(/"([^"]*)"|\S+/g)]
      .map(([word, quoted]) => quoted ?? word)
  );

/** Starts a command as this test's runner does it. */
function type(lab: Lab, [program, ...words]: string[]) {
  if (program === "npx" && words[0] === "tsx") {
    return lab.script(words[1], ...words.slice(2));
  }
  if (program === "node" && words[0] === "-e") {
    return lab.run(process.execPath, ...words);
  }
  throw new Error(`a block "sh" has another command: ${program} ${words}`);
}

/** Saves the script that a diff changes as try.ts. */
function change(lab: Lab, diff: string) {
  const lines = diff.trimEnd().split("\n");
  const side = (sign: string) =>
    lines.filter((line) => line[0] === sign || line[0] === " ")
      .map((line) => `${line.slice(1)}\n`).join("");
  const before = side("-");
  const [number] = numbers.filter((number) =>
    lab.source(number).includes(before)
  );
  expect(number, `the script that has:\n${before}`).toBeDefined();
  lab.write("try.ts", lab.source(number).replace(before, () => side("+")));
}

/** Ports of clients differ, and the copies of the scripts wait less. */
const same = (output: string) =>
  output.replaceAll(/(?<=127\.0\.0\.1', )\d+|(?<=^127\.0\.0\.1:)\d+/gm, "PORT")
    .replaceAll("closed after 30 seconds", "closed after 5 seconds");

async function run(lab: Lab, blocks: Block[]) {
  for (const number of ["02", "05"]) lab.timeout(number, 1_000);
  lab.timeout("04", 5_000);
  for (const [language, code] of blocks) {
    if (language === "diff") change(lab, lab.local(code));
    if (language !== "sh") continue;
    for (const command of commandsOf(lab.local(code))) {
      const program = type(lab, command);
      const ready = () => program.output || program.status !== undefined;
      await until(`output of ${program.name}`, ready);
    }
  }
  const isServer = ({ output }: { output: string }) => /^Starting/.test(output);
  for (const program of lab.programs) {
    if (!isServer(program)) await program.end();
  }
  for (const server of lab.programs.filter(isServer)) {
    // 01 ends by itself after its answer. On Windows, nobody can send Ctrl+C.
    if (server.name.includes("01-") && server.output.includes("Buffer")) {
      await server.end();
    } else if (windows) await server.kill();
    else server.signal("SIGINT");
    await server.end();
  }
  const printed = lab.programs.map(({ output }) => same(output));
  for (const [language, code] of blocks) {
    if (language !== "text") continue;
    const shown = same(lab.local(code));
    const cut = windows && !printed.includes(shown);
    const expected = cut ? shown.replace(/Ending.*\n$/, "") : shown;
    expect(printed, "what the programs have printed").toContain(expected);
    printed.splice(printed.indexOf(expected), 1);
  }
}

// Sections with the same blocks, as in the guide and README.md, are run once.
const sections = [
  ...numbers.map(headerOf),
  ...pages.flatMap((page) => sectionsOf(read(page))),
].filter(({ blocks }) => blocks.some(([language]) => language === "sh"));
const toRun = new Map(sections.map(({ heading, blocks }) => {
  const typed = blocks.filter(([name]) => /^(sh|text|diff)$/.test(name));
  return [JSON.stringify(typed), { heading, blocks: typed }];
}));
test.for([...toRun.values()])(
  "$heading",
  ({ blocks }, { lab }) => run(lab, blocks),
);

// As README.md tells it, on every Node: npx and tsx.
if (runtime === "node") {
  const tsx = path.join(
    import.meta.dirname,
    "../node_modules/tsx/dist/cli.mjs",
  );
  const typed = (lab: Lab, number: string) =>
    lab.run(process.execPath, tsx, `scripts/${names[number]}`);

  test.for(["", '{ "type": "commonjs" }', '{ "type": "module" }'])(
    "the first exchange with tsx, in a folder with package.json %j",
    async (json, { lab }) => {
      lab.write("package.json", json || "{}");
      const server = typed(lab, "01");
      await server.prints("Starting");
      await typed(lab, "02").ends(0, "Ich hab keine Hunge\n");
      expect((await server.end()).status).toBe(0);
    },
  );

  test.skipIf(windows)("Ctrl+C with tsx", async ({ lab }) => {
    const server = typed(lab, "04");
    await server.prints("Starting");
    server.signal("SIGINT");
    const lines = "Starting tcp server.......\nEnding tcp server.......\n";
    await server.ends(0, lines);
  });
}

/** Code without remarks and blank lines. */
const bare = (code: string) =>
  code.replaceAll(/^ *\/\/.*\n| +\/\/ .*$|^\n/gm, "");

describe.for(pages)("%s", (file) => {
  const page = read(file);
  const shown = sectionsOf(page).flatMap(({ heading, blocks }) =>
    blocks.filter(([language]) => language === "ts")
      .map(([, code]) => [heading, code])
  );

  test.for(shown)("%s: shows the code of a script", ([, code]) => {
    const scripts = numbers.map((number) => `\n${bare(source(number))}`);
    if (code.startsWith("import")) expect(scripts).toContain(`\n${bare(code)}`);
    const lines = bare(code).trimEnd().split("\n"); // without marks "// ..."
    const has = (script: string) => {
      let at = 0;
      return lines.every((line) =>
        (at = script.indexOf(`\n${line}\n`, at)) >= 0
      );
    };
    expect(scripts.some(has), `a script has these lines:\n${code}`).toBe(true);
  });

  test("has no dead link", () => {
    const links = [...page.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) =>
      link
    );
    for (const link of links.filter((link) => !link.startsWith("https:"))) {
      const [name, id] = link.split("#");
      const target = path.posix.join(path.posix.dirname(file), name);
      const ids = sectionsOf(read(name ? target : file)).map(({ heading }) =>
        heading.toLowerCase().replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
          .replaceAll(" ", "-")
      );
      if (id !== undefined) expect(ids, link).toContain(decodeURI(id));
    }
    expect(links).toContain(
      path.posix.relative(
        path.posix.dirname(file),
        pages.find((other) => other !== file) ?? "",
      ),
    );
  });
});

test("both pages have the same headings of codes", () => {
  const [english, chinese] = pages.map((page) =>
    sectionsOf(read(page)).flatMap(({ heading }) =>
      heading.match(/`[^`]+`/g) ?? []
    ).sort()
  );
  expect(chinese).toEqual(english);
});

test("the picture shows the first exchange", () => {
  const svg = read(".github/first-exchange.svg");
  const shown = [...svg.matchAll(/<text(?! class="step").*?>(.*?)<\/text>/g)]
    .map(([, text]) => text).join("").replaceAll(/\s/g, "");
  for (const number of ["01", "02"]) {
    const { blocks: [, [, output]] } = headerOf(number);
    const escaped = output.replace("<", "&lt;").replace(">", "&gt;");
    expect(shown).toContain(escaped.replaceAll(/\s/g, ""));
  }
});
