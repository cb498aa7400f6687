// What README.md and the Chinese guide show is what the scripts print.

import { expect, test } from "vitest";
import { blocks, GUIDE, README, section } from "./pages.ts";
import { asTyped, freePort, runtime, serve, start } from "./program.ts";
import { windows } from "./program.ts";

const CLIENT = /scripts\/(02|05)-[\w-]+\.ts(?: "(.*)")?$/gm;

test.for<[page: string, heading: string, server: string]>([
  [README, "The first exchange", "01"],
  [README, "Your own message", "01"],
  [README, "02 UDP client", ""],
  [README, "03 Looping UDP server", "03"],
  [README, "04 TCP server", "04"],
  [README, "05 TCP client", ""],
  [GUIDE, "准备与第一次运行", "01"],
])("$1", async ([page, heading, number]) => {
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
  // On Windows, no program can press Ctrl+C for another.
  if (number > "01" && !windows) server?.signal("SIGINT");
  if (number === "01" || !windows) await server?.end();
  output += server?.stdout;
  // The ports of the clients and of this test are not the ones shown.
  const same = (output: string) =>
    output.replaceAll(/(?<=127\.0\.0\.1(:|', ))\d+/g, "PORT");
  for (const block of blocks(text, "text")) {
    const shown = windows ? block.replace(/Ending.*\n$/, "") : block;
    expect(same(output)).toContain(same(shown));
  }
});

test("the guide shows what README.md shows", () => {
  const [first, ...rest] = GUIDE.split(/^(?=### )/m);
  expect(blocks(first, "sh").join("")).toContain(
    "node scripts/01-udp-server.ts",
  );
  for (const language of ["sh", "powershell", "text"]) {
    const lines = blocks(rest.join(""), language).join("").split("\n");
    for (const line of lines) {
      const same = line.replace("node scripts", "npx tsx scripts");
      expect(README).toContain(same.replace("你好", "Hello"));
    }
  }
});

// Only tsx takes a folder without "type": "module".
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
