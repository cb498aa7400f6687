// What README.md and the Chinese guide show is what the scripts print.

import { expect, test } from "vitest";
import { freePort, serve, start, windows } from "./program.ts";
import { blocks, GUIDE, README, samePorts, section } from "./pages.ts";

const COMMAND = /^(?:npx tsx|node) scripts\/(\d\d)-[\w-]+\.ts(?: "(.*)")?$/gm;

/** The scripts that a section has its reader start, with their messages. */
const commands = (text: string) =>
  blocks(text, "sh").flatMap((block) => [...block.matchAll(COMMAND)])
    .map(([, number, message]) => ({ number, args: message ? [message] : [] }));

const sessions: [page: string, heading: string, server: string | null][] = [
  [README, "The first exchange", "01"],
  [README, "Your own message", "01"],
  [README, "02 UDP client", null],
  [README, "03 Looping UDP server", "03"],
  [README, "04 TCP server", "04"],
  [README, "05 TCP client", null],
  [GUIDE, "准备与第一次运行", "01"],
  [GUIDE, "案例 02：UDP 客户端", "01"],
  [GUIDE, "实验：先启动客户端", null],
  [GUIDE, "案例 03：循环的 UDP 服务器", "03"],
  [GUIDE, "案例 04：TCP 服务器", "04"],
  [GUIDE, "案例 05：TCP 客户端", null],
];

test.for(sessions)("%#: $1 prints what is shown", async (
  [page, heading, number],
) => {
  const text = section(page, heading);
  const port = await freePort();
  const its = heading.includes("TCP") ? 8998 : 7852;
  const server = number ? await serve(number, { PORT: port }) : undefined;
  const outputs: string[] = [];
  for (const { number, args } of commands(text)) {
    if (/01|03|04/.test(number)) continue;
    const client = start(number, { PORT: port, args });
    const { stdout, stderr } = await client.end();
    outputs.push(stdout + stderr);
  }
  if (server) {
    if (number !== "01" && !windows) server.signal("SIGINT");
    if (number === "01" || !windows) await server.end();
    outputs.push(server.stdout);
  }
  const printed = outputs.map((output) => samePorts(output, port, its));
  for (const block of blocks(text, "text")) {
    // One block shows a line of an output only. On Windows, Ctrl+C is missing.
    const part = block.startsWith("<Buffer") ? block : `\n${block}`;
    const shown = windows ? part.replace(/\nEnding.*\n$/, "\n") : part;
    expect(printed.map((output) => `\n${output}`).join("\0"))
      .toContain(samePorts(shown, port, its));
  }
});
