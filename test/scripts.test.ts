// What stands in the scripts' text, and not in what they do.

import fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { project } from "./program.ts";

const folder = path.join(project, "scripts");
const scripts = fs.readdirSync(folder);
const sources = scripts.map((script): [string, string] => [
  script,
  fs.readFileSync(path.join(folder, script), "utf8"),
]);

test.for(sources)("%s needs nothing but Node's modules", ([, source]) => {
  const imported = [...source.matchAll(/(?:from |import\(|require\()"(.+?)"/g)]
    .map(([, name]) => name);
  expect(imported.length).toBeGreaterThan(0);
  for (const name of imported) expect(name).toMatch(/^node:/);
});

test.for(sources)(
  "%s says how to run it, the server first",
  ([self, source]) => {
    const commands = [...source.matchAll(/^\/\/ {3}npx tsx scripts\/(\S+)/gm)]
      .map(([, script]) => script);
    expect(commands[0]).toContain("server");
    expect(commands).toContain(self);
    for (const script of commands) expect(scripts).toContain(script);
  },
);
