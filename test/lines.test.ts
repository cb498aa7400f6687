// "Take a line out", in README.md: what happens without each line.

import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { items, type } from "./pages.ts";
import { connect, tcpPeer, udpAsk, udpPeer } from "./peers.ts";
import { freePort, runtime, serve, start, windows } from "./program.ts";

const lines = items("Take a line out");

/** Makes sure that README.md has a reader change this in the script. */
function change(number: string, words: string) {
  const found = lines.filter((line) => line.includes(words))
    .map((line) => line.split(":")[0]);
  expect(found.join()).toContain(`**${number}**`);
}

/** Takes out the statement that starts like this. */
function without(number: string, statement: string) {
  change(number, `without \`${statement}`);
  return { without: [statement] };
}

const TIMEOUT = 500;
const longer = () => sleep(1_500);

test("each line has a test", () => {
  expect(lines).toHaveLength(11);
});

test("04, a taken port", async () => {
  const { port } = await serve("04");
  const copy = without("04", 'server.on("error"');
  const { stderr } = await start("04", { ...copy, PORT: port }).end();
  expect(stderr).toContain("    at ");
});

test("02, the timer", async () => {
  const { socket, port, next } = await udpPeer();
  const copy = without("02", "setTimeout(");
  const client = start("02", { ...copy, PORT: port, TIMEOUT });
  const [, sender] = await client.until("its message", next());
  await longer();
  socket.send("at last", sender.port, sender.address);
  expect((await client.end()).stdout).toBe("at last\n");
});

test("03, the limit", async () => {
  change("03", "without `.subarray(0, 500)`");
  const server = await serve("03", { replaced: [[".subarray(0, 500)", ""]] });
  await udpAsk(server, "x".repeat(501));
  await server.prints(`\n${"x".repeat(501)}\n`);
});

test("03, the check", async () => {
  const server = await serve("03", without("03", "if (sender.port < 1024"));
  expect(await udpAsk(server, "Ich hab keine Hunge")).toBeTruthy();
});

test.skipIf(windows).for(["03", "04"])("%s, the signal", async (number) => {
  const copy = without(number, 'process.on("SIGINT", stop)');
  const server = await serve(number, copy);
  server.signal("SIGINT");
  expect((await server.end()).stdout).not.toContain("Ending");
});

test("04, once", async () => {
  change("04", 'with `on("data", …)` instead of `once`');
  const replaced: [string, string][] = [['once("data"', 'on("data"']];
  const server = await serve("04", { replaced });
  type("Two pieces", server.port);
  await server.prints("Received msg: I love  from");
  await server.prints("Received msg: you\n from");
  await server.prints("127.0.0.1:", "stderr");
});

test.skipIf(runtime === "bun")("04, a broken connection", async () => {
  const server = await serve("04", without("04", 'connection.on("error"'));
  type("A broken connection", server.port);
  expect((await server.end()).stderr).toContain("    at ");
});

test("04, the timer", async () => {
  const copy = without("04", "const timer =");
  copy.without.push('connection.on("close", () => clearTimeout');
  const server = await serve("04", { ...copy, TIMEOUT });
  const client = await connect(server.port);
  await longer();
  client.socket.write("at last");
  await server.until("an answer", client.ended);
  expect(client.received).toContain("at last");
});

test("05, the pieces", async () => {
  change("05", "with `data = piece` instead of `data = Buffer.concat(…)");
  const PORT = await freePort();
  const added = 'server.on("listening", () => console.log("ready"))';
  await type("An answer in two pieces", PORT, added).prints("ready");
  const replaced: [string, string][] = [
    ["Buffer.concat([data, piece])", "piece"],
  ];
  const client = start("05", { PORT, replaced });
  expect((await client.end()).stdout).toBe("two\n");
});

test("05, the end without an answer", async () => {
  const { port } = await tcpPeer(({ socket }) => {
    socket.once("data", () => socket.end());
  });
  const client = start("05", {
    ...without("05", 'socket.on("end"'),
    PORT: port,
  });
  expect(await client.end()).toMatchObject({ status: 0, stdout: "\n" });
});

test("05, the timer", async () => {
  const { port } = await tcpPeer(({ socket }) => {
    socket.once("data", () => longer().then(() => socket.end("at last")));
  });
  const copy = without("05", "setTimeout(");
  const client = start("05", { ...copy, PORT: port, TIMEOUT });
  expect((await client.end()).stdout).toBe("at last\n");
});
