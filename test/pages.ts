// What the tests of README.md and the Chinese guide share.

import { Program, read, replace } from "./program.ts";

export const README = read("README.md");
export const GUIDE = read("scripts/README.zh-CN.md");

/** What stands under a heading, up to the next one. */
export function section(page: string, heading: string): string {
  const found = page.split(/^#+ (?=.*\n)/m)
    .find((part) => part.startsWith(`${heading}\n`));
  if (!found) throw new Error(`there is no heading: ${heading}`);
  return found.slice(heading.length);
}

/** The items of the list in a section of README.md, each on one line. */
export const items = (heading: string): string[] =>
  section(README, heading).split(/^- /m).slice(1)
    .map((item) => item.replace(/\s+/g, " "));

/** The code blocks of a language. */
export const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter(([, name]) => name === language).map(([, , code]) => code);

/** What stands in backticks outside of code blocks. */
export const codes = (text: string): string[] =>
  [...text.replace(/^```.*?^```$/gms, "").matchAll(/`([^`]+)`/g)]
    .map(([, code]) => code.replace(/\s+/g, " "));

/** Starts the `node -e "..."` of a section, at another port. */
export function type(heading: string, port: number, added = ""): Program {
  const [block] = blocks(section(README, heading), "sh");
  const [, code = ""] = /^node -e "(.*)"\n$/s.exec(block) ?? [];
  const own = replace(code, "8998", `${port}`) + added;
  return new Program(heading, [process.execPath, "-e", own]);
}
