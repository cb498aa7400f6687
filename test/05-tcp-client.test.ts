import { spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { expect, onTestFinished, test } from "vitest";
import {
  type Connection,
  freePort,
  HOST,
  linux,
  macOS,
  messages,
  OTHER_HOST,
  runtime,
  start,
  tcpPeer,
  windows,
  withFiles,
} from "./helpers.ts";

const MESSAGE = "I love wangxiaojing";

/** What to do when the client's message has come. */
const then = (act: (connection: Connection) => void) =>
(
  connection: Connection,
) => void connection.socket.once("data", () => act(connection));

const failure = (port: number, cause: string) =>
  `No complete answer from 127.0.0.1:${port}: ${cause}.`;

test.for(messages(500).slice(1))(
  "prints an answer of %s",
  async ([, data, text]) => {
    const { port } = await tcpPeer(then(({ socket }) => socket.end(data)));
    const client = start("05", { PORT: port });
    const stdout = `${text}\n`;
    expect(await client.end()).toEqual({ status: 0, stdout, stderr: "" });
  },
);

const long = "x".repeat(10_000);
test.for<[string[], string]>([
  [[], MESSAGE],
  [["Hello", "not this"], "Hello"],
  [[" 我 ❤️ "], " 我 ❤️ "],
  [[long], long],
  [[""], MESSAGE],
])("with %j, sends %j", async ([args, message]) => {
  const { port, connections } = await tcpPeer(
    // Not at once, so that all of a long message can arrive.
    then(({ socket }) => setTimeout(() => socket.end("x"), 200)),
  );
  const client = start("05", { PORT: port, args });
  expect(await client.end()).toEqual({ status: 0, stdout: "x\n", stderr: "" });
  expect(connections.map(({ received }) => received)).toEqual([message]);
});

test.skipIf(macOS)("connects to HOST", async () => {
  const answer = then(({ socket }) => socket.end("x"));
  const { port } = await tcpPeer(answer, OTHER_HOST);
  const client = start("05", { PORT: port, HOST: OTHER_HOST });
  expect((await client.end()).stdout).toBe("x\n");
});

test("joins the pieces of an answer, and closes after the server", async () => {
  const answer = Buffer.from("我爱");
  let open = false;
  const { port, connections } = await tcpPeer(then(({ socket }) => {
    socket.setNoDelay().write(answer.subarray(0, 4)); // within 爱
    setTimeout(() => {
      open = !socket.readableEnded;
      socket.end(answer.subarray(4));
    }, 200);
  }));
  const client = start("05", { PORT: port });
  expect(await client.end())
    .toEqual({ status: 0, stdout: "我爱\n", stderr: "" });
  expect(open).toBe(true);
  await client.until("the end of the connection", connections[0].closed);
  expect(connections[0].error).toBe("");
});

test.for([
  ["500 bytes", `${"x".repeat(499)} `, `${"x".repeat(499)} `],
  ["more", `${"x".repeat(499)}我${"y".repeat(100_000)}`, `${"x".repeat(499)}�`],
])("takes %s of a server that does not close", async ([, answer, text]) => {
  const { port } = await tcpPeer(then(({ socket }) => socket.write(answer)));
  const client = start("05", { PORT: port });
  const stdout = `${text}\n`;
  expect(await client.end()).toEqual({ status: 0, stdout, stderr: "" });
});

test.for<[string, string, string, (connection: Connection) => void]>([
  ["closes", "", "connection closed", ({ socket }) => socket.end()],
  ["resets", "", "ECONNRESET", ({ socket }) => socket.resetAndDestroy()],
  ["resets after a part", "x\n", "ECONNRESET", ({ socket }) => {
    socket.write("x");
    // Not at once: a reset also takes away what has not been read.
    setTimeout(() => socket.resetAndDestroy(), 500);
  }],
])("says that the server %s", async ([, stdout, cause, act]) => {
  const { port } = await tcpPeer(then(act));
  const stderr = `${failure(port, cause)}\n`;
  expect(await start("05", { PORT: port }).end())
    .toEqual({ status: 1, stdout, stderr });
});

test("asks for the server if nobody is there", async () => {
  const port = await freePort();
  const stderr = `${failure(port, "ECONNREFUSED")} Is the server running?\n`;
  expect(await start("05", { PORT: port }).end())
    .toEqual({ status: 1, stdout: "", stderr });
});

test.for<[string, string, (connection: Connection) => void]>([
  ["is silent", "", () => {}],
  ["does not close", "x\n", ({ socket }) => socket.write("x")],
  ["sends on and on", "x\n", ({ socket }) => {
    const interval = setInterval(() => socket.write("x"), 100);
    socket.on("close", () => clearInterval(interval));
  }],
])("gives up after TIMEOUT when the server %s", async ([, part, accepted]) => {
  let connected = 0;
  const { port } = await tcpPeer((connection) => {
    connected = performance.now();
    accepted(connection);
  });
  const client = start("05", { PORT: port, TIMEOUT: 2_000 });
  const { status, stdout, stderr } = await client.end();
  const passed = performance.now() - connected;
  expect(stderr).toBe(`${failure(port, "timed out after 2 seconds")}\n`);
  expect([status, stdout.replace(/x+/, "x")]).toEqual([1, part]);
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
  const [line] = await once(server.stdout, "data");
  const port = Number(line);
  for (let i = 0; i < 3; i++) {
    const socket = net.connect(port, HOST).on("error", () => {});
    onTestFinished(() => void socket.destroy());
    if (i === 0) await once(socket, "connect");
  }
  const client = start("05", { PORT: port, TIMEOUT: 2_000 });
  const stderr = `${failure(port, "timed out after 2 seconds")}\n`;
  expect(await client.end()).toEqual({ status: 1, stdout: "", stderr });
});

test.skipIf(windows)("says that the system has no socket left", async () => {
  const client = start("05", {
    PORT: 2000,
    command: withFiles(200),
    added: `
      import fs from "node:fs";
      try {
        while (true) fs.openSync(process.execPath);
      } catch {
        // Now no more files can be opened.
      }`,
  });
  // Bun takes it for nobody being there.
  const cause = runtime === "bun" ? "ECONNREFUSED" : "EMFILE";
  const { status, stderr } = await client.end();
  expect(stderr).toContain(failure(2000, cause));
  expect(status).toBe(1);
});
