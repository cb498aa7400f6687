// "Take a line out", in README.md: what happens without each line.

import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { codes, items, type } from "./pages.ts";
import { connect, listening, tcpPeer, udpAsk, udpPeer } from "./peers.ts";
import { freePort, runtime, serve, start, windows } from "./program.ts";

const lines = items("Take a line out");

/** What stands in backticks in the item with these words, up to the "…". */
function taken(words: string): string[] {
  const found = lines.filter((line) => line.startsWith(words));
  if (found.length !== 1) throw new Error(`${found.length} items: ${words}`);
  return codes(found[0]).map((code) => code.split("…")[0].trim());
}

const TIMEOUT = 500;
const longer = () => sleep(1_500);

test("each line has a test", () => {
  expect(lines).toHaveLength(11);
});

test("04, a taken port", async () => {
  const [line] = taken('**04**, without `server.on("error"');
  const { port } = await serve("04");
  const server = start("04", { PORT: port, without: [line] });
  expect((await server.end()).stderr).toContain("    at ");
});

test("02, the timer", async () => {
  const [line] = taken("**02**, without `setTimeout(");
  const { socket, port, next } = await udpPeer();
  const client = start("02", { PORT: port, TIMEOUT, without: [line] });
  const [, sender] = await client.until("its message", next());
  await longer();
  socket.send("at last", sender.port, sender.address);
  expect((await client.end()).stdout).toBe("at last\n");
});

test("03, the limit", async () => {
  const [part] = taken("**03**, without `.subarray(");
  const server = await serve("03", { replaced: [[part, ""]] });
  await udpAsk(server, "x".repeat(501));
  await server.prints(`\n${"x".repeat(501)}\n`);
});

test("03, the check", async () => {
  const [line] = taken("**03**, without `if (sender.port");
  const server = await serve("03", { without: [line] });
  expect(await udpAsk(server, "Ich hab keine Hunge")).toBeTruthy();
});

test.skipIf(windows).for(["03", "04"])("%s, the signal", async (number) => {
  const [line] = taken("**03** or **04**, without `process.on(");
  const server = await serve(number, { without: [line] });
  server.signal("SIGINT");
  expect((await server.end()).stdout).not.toContain("Ending");
});

test("04, once", async () => {
  const [by] = taken('**04**, with `on("data"');
  const server = await serve("04", {
    replaced: [[by.replace("on", "once"), by]],
  });
  type("Two pieces", server.port);
  await server.prints("Received msg: I love  from");
  await server.prints("Received msg: you\n from");
  await server.prints("127.0.0.1:", "stderr");
});

test.skipIf(runtime === "bun")("04, a broken connection", async () => {
  const [line] = taken('**04**, without `connection.on("error"');
  const server = await serve("04", { without: [line] });
  type("A broken connection", server.port);
  expect((await server.end()).stderr).toContain("    at ");
});

test("04, the timer", async () => {
  const [line] = taken("**04**, without `const timer =");
  const without = [line, 'connection.on("close", () => clearTimeout'];
  const server = await serve("04", { TIMEOUT, without });
  const { socket, ended, ...silent } = await connect(server.port);
  await longer();
  socket.write("at last");
  await server.until("an answer", ended);
  expect(silent.error).toBe("");
  await server.prints("Received msg: at last from");
});

test("05, the pieces", async () => {
  const [by, part] = taken("**05**, with `data =");
  const PORT = await freePort();
  const server = type("An answer in two pieces", PORT);
  await server.until("its port", listening(PORT));
  const replaced: [string, string][] = [[`${part}[data, piece])`, by]];
  const client = start("05", { PORT, replaced });
  expect((await client.end()).stdout).toBe("two\n");
});

test("05, the end without an answer", async () => {
  const [line] = taken('**05**, without `socket.on("end"');
  const { port } = await tcpPeer(({ socket }) => {
    socket.once("data", () => socket.end());
  });
  const client = start("05", { PORT: port, without: [line] });
  expect(await client.end()).toMatchObject({ status: 0, stdout: "\n" });
});

test("05, the timer", async () => {
  const [line] = taken("**05**, without `setTimeout(");
  const { port } = await tcpPeer(({ socket }) => {
    socket.once("data", () => longer().then(() => socket.end("at last")));
  });
  const client = start("05", { PORT: port, TIMEOUT, without: [line] });
  expect((await client.end()).stdout).toBe("at last\n");
});
