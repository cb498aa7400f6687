// What stands in the scripts' text, and not in what they do.

import { expect, test } from "vitest";
import { scripts, source } from "./program.ts";

// The copies that the other tests run have other values here.
test.for<[string, object]>([
  ["01", { PORT: 7852 }],
  ["02", { PORT: 7852, TIMEOUT: 5_000 }],
  ["03", { PORT: 7852 }],
  ["04", { PORT: 8998, TIMEOUT: 30_000 }],
  ["05", { PORT: 8998, TIMEOUT: 10_000 }],
])("%s has its own port and limit", ([number, values]) => {
  const constants = [
    ...source(number).matchAll(/^const ([A-Z]+) = ([\d_]+);/gm),
  ];
  expect(Object.fromEntries(constants.map(
    ([, name, value]) => [name, Number(value.replaceAll("_", ""))],
  ))).toEqual(values);
});

test.for(scripts)("%s needs nothing but Node's modules", (script) => {
  const imports = source(script)
    .matchAll(/(?:from |import\(|require\()"(.+?)"/g);
  const names = [...imports].map(([, name]) => name);
  expect(names).toHaveLength(1);
  expect(names[0]).toMatch(/^node:/);
});

test.for(scripts)("%s says how to run it, the server first", (script) => {
  const commands = source(script).matchAll(/^\/\/ {3}npx tsx scripts\/(\S+)/gm);
  const named = [...commands].map(([, name]) => name);
  expect(named[0]).toContain("server");
  expect(named).toContain(script);
  for (const name of named) expect(scripts).toContain(name);
});
