import { once } from "node:events";
import net from "node:net";
import { expect, test } from "vitest";
import {
  connect,
  type Connection,
  freePort,
  HOST,
  macOS,
  messages,
  OTHER_HOST,
  runtime,
  serve,
  start,
  tcpAsk,
  tcpPeer,
  windows,
  withFiles,
} from "./helpers.ts";

const STARTING = "Starting tcp server.......";
const ENDING = "Ending tcp server.......";
const answerTo = (message: string, port: number, host = HOST) =>
  `Received msg: ${message} from ('${host}', ${port})`;

type Server = Awaited<ReturnType<typeof serve>>;

/** Checks that the server answers as if nothing had happened. */
async function answersStill(server: Server) {
  const { answer, port } = await tcpAsk(server, "still there?");
  expect(answer).toBe(answerTo("still there?", port));
}

test("prints and answers all kinds of messages", async () => {
  const server = await serve("04");
  const answers = [];
  // TCP cannot send a message of no bytes.
  for (const [, data, text] of messages(500).slice(1)) {
    const { answer, port } = await tcpAsk(server, data);
    expect(answer).toBe(answerTo(text, port));
    answers.push(answer);
  }
  await server.printed([STARTING, ...answers]);
});

test("reads all of a message that the system cannot keep", async () => {
  const server = await serve("04");
  const { answer, port } = await tcpAsk(server, "x".repeat(50_000_000));
  expect(answer).toBe(answerTo("x".repeat(500), port));
});

test("answers the first piece of a message, and no other", async () => {
  const server = await serve("04");
  const { socket, ended, closed, port, ...client } = await connect(server.port);
  socket.setNoDelay().write("a");
  await server.until("the end of the answer", ended);
  for (const byte of "bcdefgh") {
    await new Promise((sent) => socket.write(byte, sent));
  }
  socket.end();
  await server.until("the end of the connection", closed);
  await server.printed([STARTING, answerTo("a", port)]);
  expect(client.error).toBe("");
});

test("answers others while one is silent and one sends on", async () => {
  const server = await serve("04");
  const silent = await connect(server.port);
  const sending = await connect(server.port);
  const send = () => {
    while (sending.socket.write(Buffer.alloc(65_536)));
    sending.socket.once("drain", send);
  };
  send();
  await server.until("the first answer", sending.ended);
  const texts = Array.from({ length: 100 }, (_, i) => `client ${i}`);
  const asked = await Promise.all(texts.map((text) => tcpAsk(server, text)));
  expect(asked.map(({ answer }) => answer))
    .toEqual(asked.map(({ port }, i) => answerTo(texts[i], port)));
  silent.socket.write("at last");
  await server.until("the last answer", silent.ended);
  expect(silent.received).toBe(answerTo("at last", silent.port));
});

test("serves one more client while 250 are connected", async () => {
  const server = await serve("04");
  const clients = Array.from({ length: 250 }, () => connect(server.port));
  await server.until("250 connections", Promise.all(clients));
  await answersStill(server);
});

test("keeps nothing of a client that has gone", async () => {
  // After this message, it accepts no more. Then it exits when nothing is left:
  // no connection, and no timer, which would last 30 seconds.
  const server = await serve("04", {
    replaced: [[
      "const message = data.toString();",
      "const message = data.toString(); if (message === '20') server.close();",
    ]],
    without: ["process.on("], // On Deno, these alone would keep it running.
  });
  for (let i = 1; i <= 20; i++) await tcpAsk(server, `${i}`);
  // Node would warn of too many listeners.
  expect(await server.end()).toMatchObject({ status: 0, stderr: "" });
});

test("prints nothing about clients that close", async () => {
  const server = await serve("04");
  const silent = await connect(server.port);
  silent.socket.end();
  await server.until("the end of the silent connection", silent.closed);
  expect([silent.received, silent.error]).toEqual(["", ""]);

  const done = await connect(server.port);
  done.socket.end("I am done");
  await server.until("the end of the other connection", done.closed);
  const answer = answerTo("I am done", done.port);
  expect([done.received, done.error]).toEqual([answer, ""]);
  await server.printed([STARTING, answer]);
});

test("names clients that reset their connection", async () => {
  const server = await serve("04");
  const silent = await connect(server.port);
  const host = macOS ? HOST : OTHER_HOST;
  const answered = await connect(server.port, host);
  answered.socket.write("x");
  await server.until("an answer", answered.ended); // Both are accepted now.
  silent.socket.resetAndDestroy();
  const first = `127.0.0.1:${silent.port}: read ECONNRESET`;
  await server.prints(`${first}\n`, "stderr");
  answered.socket.resetAndDestroy();
  await server.printed(
    [STARTING, answerTo("x", answered.port, host)],
    [first, `${host}:${answered.port}: read ECONNRESET`],
  );
  await answersStill(server);
});

// While the server is stopped, the system accepts for it. Windows cannot stop a
// process.
test.skipIf(windows)("survives clients that reset at once", async () => {
  const server = await serve("04");
  server.signal("SIGSTOP");
  for (let i = 0; i < 20; i++) {
    const { socket, closed } = await connect(server.port);
    socket.write("x", () => socket.resetAndDestroy());
    await closed;
  }
  server.signal("SIGCONT");
  await answersStill(server);
  expect(server.stdout + server.stderr).not.toContain("undefined");
});

test.skipIf(windows)("survives more clients than it may open", async () => {
  const server = await serve("04", { command: withFiles(64) });
  const first = await connect(server.port);
  const crowd = await Promise.all(
    Array.from({ length: 100 }, () => connect(server.port)),
  );
  first.socket.write("I was first");
  await server.until("an answer", first.ended);
  expect(first.received).toBe(answerTo("I was first", first.port));
  for (const { socket } of [first, ...crowd]) socket.end();
  // Deno never accepts again.
  if (runtime !== "deno") {
    const all = [first, ...crowd].map(({ closed }) => closed);
    await server.until("the end of all connections", Promise.all(all));
    await answersStill(server);
  }
  expect(server.stderr).toBe("");
});

test("closes each connection after TIMEOUT", async () => {
  const server = await serve("04", { TIMEOUT: 2_000 });
  const [silent, sending, late] = [
    await connect(server.port),
    await connect(server.port),
    await connect(server.port),
  ];
  const connected = performance.now();
  const sendOn = ({ socket }: Connection) => {
    const interval = setInterval(() => socket.write("more"), 50);
    socket.on("close", () => clearInterval(interval));
  };
  sendOn(sending);
  setTimeout(() => late.socket.write("late"), 1_000);

  await server.until("the end of the silent connection", silent.ended);
  const passed = performance.now() - connected;
  expect([silent.received, silent.error]).toEqual(["", ""]);
  for (const client of [silent, sending, late]) {
    await server.prints(`127.0.0.1:${client.port}: timed out\n`, "stderr");
    sendOn(client); // The system tells a client so if both sides are closed.
    await server.until("the end of a connection", client.closed);
  }
  expect(late.received).toBe(answerTo("late", late.port));
  await answersStill(server);
  expect(passed).toBeGreaterThan(1_700);
  expect(passed).toBeLessThan(3_500);
});

test("says that its port is taken, and exits", async () => {
  const { port } = await tcpPeer();
  const stderr = "listen EADDRINUSE: address already in use " +
    `127.0.0.1:${port}. Free this port, or change HOST or PORT.\n`;
  expect(await start("04", { PORT: port }).end())
    .toEqual({ status: 1, stdout: "", stderr });
});

test.skipIf(macOS)("is bound to its own address only", async () => {
  const server = await serve("04");
  const connected = once(net.connect(server.port, OTHER_HOST), "connect");
  await expect(connected).rejects.toThrow("ECONNREFUSED");
  const { answer, port } = await tcpAsk(server, "hi", OTHER_HOST);
  expect(answer).toBe(answerTo("hi", port, OTHER_HOST));
});

test("can be started again at once", async () => {
  const PORT = await freePort();
  for (let i = 0; i < 2; i++) {
    const server = await serve("04", { PORT });
    await answersStill(server);
    await server.kill();
  }
});

// Windows has no signals that one process could send to another.
test.skipIf(windows).for(["SIGINT", "SIGTERM"] as const)(
  "exits on %s, even if it comes twice, and closes its connections",
  async (signal) => {
    const server = await serve("04");
    const silent = await connect(server.port);
    const answered = await connect(server.port);
    answered.socket.write("x");
    await server.until("an answer", answered.ended);
    server.signal(signal);
    server.signal(signal);
    const stdout = `${STARTING}\n${answered.received}\n${ENDING}\n`;
    expect(await server.end()).toEqual({ status: 0, stdout, stderr: "" });
    for (const { socket, closed } of [silent, answered]) {
      socket.end();
      await closed;
    }
  },
);
