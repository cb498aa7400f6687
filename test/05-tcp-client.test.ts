import { spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { messages, soon, tcpPeer } from "./peers.ts";
import { freePort, HOST, linux, macOS } from "./program.ts";
import { type Options, OTHER_HOST, start } from "./program.ts";

const MESSAGE = "I love wangxiaojing";
const failure = (port: number, cause: string) =>
  `No complete answer from 127.0.0.1:${port}: ${cause}.`;

/** Runs 05 with a server that calls act when the message has come. */
async function run(act: (socket: net.Socket) => void, options: Options = {}) {
  let came = 0;
  const { port, connections } = await tcpPeer(({ socket }) => {
    socket.once("data", () => {
      came = performance.now();
      act(socket);
    });
  }, options.HOST);
  const client = start("05", { PORT: port, ...options });
  const end = await client.end();
  const passed = performance.now() - came;
  return { ...end, client, port, passed, connection: connections[0] };
}

test.for(messages(500).slice(1))("prints an answer of %s", async (
  [, data, text],
) => {
  const end = await run((socket) => socket.end(data));
  expect(end).toMatchObject({ status: 0, stdout: `${text}\n`, stderr: "" });
});

test.for<[string, string[], string]>([
  ["its message", [], MESSAGE],
  ["its first argument", ["Hello", "ignored"], "Hello"],
  ["white space", [" 我 ❤️ "], " 我 ❤️ "],
  ["a long argument", ["x".repeat(10_000)], "x".repeat(10_000)],
  ["its own for an empty one", [""], MESSAGE],
])("sends %s", async ([, args, message]) => {
  // The answer does not come at once, so that all of the message can arrive.
  const answer = (socket: net.Socket) => setTimeout(() => socket.end("x"), 200);
  const { connection, ...end } = await run(answer, { args });
  expect(end).toMatchObject({ status: 0, stdout: "x\n", stderr: "" });
  expect(connection.received).toBe(message);
});

test.skipIf(macOS)("connects to HOST", async () => {
  const end = await run((socket) => socket.end("x"), { HOST: OTHER_HOST });
  expect(end.stdout).toBe("x\n");
});

test("joins the pieces of an answer, and closes after the server", async () => {
  const answer = Buffer.from("我爱");
  let open = false;
  const { client, connection, ...end } = await run((socket) => {
    socket.setNoDelay().write(answer.subarray(0, 4)); // within 爱
    setTimeout(() => {
      open = !socket.readableEnded;
      socket.end(answer.subarray(4));
    }, 200);
  });
  expect(end).toMatchObject({ status: 0, stdout: "我爱\n", stderr: "" });
  expect(open).toBe(true);
  await client.until("the end of the connection", connection.closed);
  expect(connection.error).toBe("");
});

const almost = "x".repeat(499);
test.for([
  ["500 bytes", `${almost} `, `${almost} `],
  ["500 bytes of more", `${almost}我${"y".repeat(100_000)}`, `${almost}�`],
])("takes %s, and closes", async ([, answer, text]) => {
  const end = await run((socket) => socket.write(answer));
  expect(end).toMatchObject({ status: 0, stdout: `${text}\n`, stderr: "" });
});

test.for<[string, string, string, (socket: net.Socket) => void]>([
  ["closes", "", "connection closed", (socket) => socket.end()],
  ["resets", "", "ECONNRESET", (socket) => socket.resetAndDestroy()],
  ["resets after a part", "x\n", "ECONNRESET", (socket) => {
    socket.write("x");
    // Not at once, because a reset also discards what has not been read.
    setTimeout(() => socket.resetAndDestroy(), 500);
  }],
])("says that the server %s", async ([, stdout, cause, act]) => {
  const { port, ...end } = await run(act);
  const stderr = `${failure(port, cause)}\n`;
  expect(end).toMatchObject({ status: 1, stdout, stderr });
});

test("asks whether the server is running", async () => {
  const port = await freePort();
  const stderr = `${failure(port, "ECONNREFUSED")} Is the server running?\n`;
  await start("05", { PORT: port }).ends(1, "", stderr);
});

test.for<[string, string, (socket: net.Socket) => void]>([
  ["is silent", "", () => {}],
  ["does not close", "x\n", (socket) => socket.write("x")],
  ["sends forever", "x\n", (socket) => {
    setInterval(() => socket.write("x"), 100).unref();
  }],
])("gives up after TIMEOUT when the server %s", async ([, part, act]) => {
  const { port, passed, ...end } = await run(act, { TIMEOUT: 2_000 });
  expect(end.stderr).toBe(`${failure(port, "timed out after 2 seconds")}\n`);
  expect([end.status, end.stdout.replace(/x+/, "x")]).toEqual([1, part]);
  expect(passed).toBeGreaterThan(1_700);
  expect(passed).toBeLessThan(3_500);
});

// A firewall may drop what the client sends, so that it never connects. Linux
// does so when a server does not accept and its queue is full.
test.runIf(linux)("gives up after TIMEOUT when it cannot connect", async () => {
  const code = `
    const options = { port: 0, host: "${HOST}", backlog: 0 };
    const server = require("net").createServer().listen(options, () => {
      console.log(server.address().port);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const server = spawn(process.execPath, ["-e", code]);
  onTestFinished(() => void server.kill("SIGKILL"));
  const port = Number(await soon("its port", once(server.stdout, "data")));
  for (let i = 0; i < 3; i++) {
    const socket = net.connect(port, HOST).on("error", () => {});
    onTestFinished(() => void socket.destroy());
    if (i === 0) await soon("a connection", once(socket, "connect"));
  }
  const client = start("05", { PORT: port, TIMEOUT: 2_000 });
  const stderr = `${failure(port, "timed out after 2 seconds")}\n`;
  await client.ends(1, "", stderr);
});
