// "Take a line out", in README.md: each line, and what happens without it.

import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import {
  connect,
  freePort,
  listening,
  runtime,
  serve,
  start,
  tcpPeer,
  udpAsk,
  udpPeer,
  windows,
} from "./helpers.ts";
import { codes, README, section, type } from "./pages.ts";

const items = section(README, "Take a line out").split(/^- /m).slice(1)
  .map((item) => item.replace(/\s+/g, " "));

/** How the statement starts that the item with these words takes out. */
function taken(words: string): string {
  const found = items.filter((item) => item.startsWith(words));
  if (found.length !== 1) throw new Error(`${found.length} items: ${words}`);
  return codes(found[0])[0].split("…")[0].trim();
}

const longer = () => sleep(1_500); // than the limit of 500 milliseconds

test("each line has a test", () => {
  expect(items).toHaveLength(11);
});

test("04, a taken port", async () => {
  const { port } = await serve("04");
  const without = [taken('**04**, without `server.on("error"')];
  const { stderr } = await start("04", { PORT: port, without }).end();
  expect(stderr).toContain("    at ");
});

test("02, the timer", async () => {
  const { socket, port, next } = await udpPeer();
  const without = [taken("**02**, without `setTimeout(")];
  const client = start("02", { PORT: port, TIMEOUT: 500, without });
  const [, sender] = await client.until("its message", next());
  await longer();
  socket.send("at last", sender.port, sender.address);
  expect((await client.end()).stdout).toBe("at last\n");
});

test("03, the limit", async () => {
  const part = taken("**03**, without `.subarray(");
  const server = await serve("03", { replaced: [[part, ""]] });
  await udpAsk(server, "x".repeat(501));
  await server.prints(`\n${"x".repeat(501)}\n`);
});

test("03, the check", async () => {
  const without = [taken("**03**, without `if (sender.port")];
  const server = await serve("03", { without });
  expect(await udpAsk(server, "Ich hab keine Hunge")).toBeTruthy();
});

test.skipIf(windows).for(["03", "04"])("%s, the signal", async (number) => {
  const without = [taken("**03** or **04**, without `process.on(")];
  const server = await serve(number, { without });
  server.signal("SIGINT");
  expect((await server.end()).stdout).not.toContain("Ending");
});

test("04, once", async () => {
  const part = taken('**04**, with `on("data"');
  const server = await serve("04", {
    replaced: [[part.replace("on(", "once("), part]],
  });
  type("Two pieces", server.port);
  await server.prints("Received msg: I love  from");
  await server.prints("Received msg: you\n from");
  await server.prints("127.0.0.1:", "stderr");
});

test.skipIf(runtime === "bun")("04, a broken connection", async () => {
  const without = [taken('**04**, without `connection.on("error"')];
  const server = await serve("04", { without });
  type("A broken connection", server.port);
  expect((await server.end()).stderr).toContain("    at ");
});

test("04, the timer", async () => {
  const timer = taken("**04**, without `const timer =");
  const without = [timer, 'connection.on("close", () => clearTimeout'];
  const server = await serve("04", { TIMEOUT: 500, without });
  const { socket, ended, ...silent } = await connect(server.port);
  await longer();
  socket.write("at last");
  await server.until("an answer", ended);
  expect(silent.error).toBe("");
  await server.prints("Received msg: at last from");
});

test("05, the pieces", async () => {
  const PORT = await freePort();
  const item = items.find((item) => item.startsWith("**05**, with `data ="));
  const [by, part] = codes(item ?? "");
  const concat = part.replace("…", "[data, piece]").replace("…", "");
  const server = type("An answer in two pieces", PORT);
  await server.until("its port", listening(PORT));
  const client = start("05", { PORT, replaced: [[concat, by]] });
  expect((await client.end()).stdout).toBe("two\n");
});

test("05, the end without an answer", async () => {
  const { port } = await tcpPeer(({ socket }) => {
    socket.once("data", () => socket.end());
  });
  const without = [taken('**05**, without `socket.on("end"')];
  const client = start("05", { PORT: port, without });
  const stdout = "\n";
  expect(await client.end()).toEqual({ status: 0, stdout, stderr: "" });
});

test("05, the timer", async () => {
  const { port, connections } = await tcpPeer(({ socket }) => {
    socket.once("data", () => setTimeout(() => socket.end("at last"), 1_500));
  });
  const without = [taken("**05**, without `setTimeout(")];
  const client = start("05", { PORT: port, TIMEOUT: 500, without });
  expect((await client.end()).stdout).toBe("at last\n");
  expect(connections).toHaveLength(1);
});
