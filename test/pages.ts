// What the tests of README.md and the Chinese guide share.

import { HOST, Program, read, replace } from "./program.ts";

export const PAGES = ["README.md", "scripts/README.zh-CN.md"];
export const [README, GUIDE] = PAGES.map((file) => read(file));

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
export function type(heading: string, port: number, page = README): Program {
  const [block] = blocks(section(page, heading), "sh");
  const [, code] = /^node -e "(.*)"\n$/s.exec(block) ?? [];
  if (!code) throw new Error(`not to be run by a test: ${block}`);
  const here = replace(code, "8998", `${port}`);
  return new Program(heading, [process.execPath, "-e", here]);
}

/** Has all output name the same ports: the scripts', and 54321 for a client. */
export const samePorts = (output: string, port: number, to: number): string =>
  output.replaceAll(`${HOST}:${port}`, `${HOST}:${to}`)
    .replaceAll(/(?<=127\.0\.0\.1', )\d+/g, "54321");
