import { once } from "node:events";
import net from "node:net";
import { expect, test } from "vitest";
import { connect, type Message, messages, tcpAsk, tcpPeer } from "./peers.ts";
import { HOST, macOS, OTHER_HOST, runtime, windows } from "./program.ts";
import { serve, type Server, signals, start, withFiles } from "./program.ts";

const STARTING = "Starting tcp server.......";
const answerTo = (message: string, port: number, host = HOST) =>
  `Received msg: ${message} from ('${host}', ${port})`;

/** Checks that the server answers as if nothing had happened. */
async function answersStill(server: Server) {
  const { answer, port } = await tcpAsk(server, "still there?");
  expect(answer).toBe(answerTo("still there?", port));
}

test.for<Message>([
  ...messages(500).slice(1), // TCP cannot send a message of no bytes.
  ["50 megabytes", Buffer.alloc(50_000_000, "x"), "x".repeat(500)],
])("prints and answers %s", async ([, data, text]) => {
  const server = await serve("04");
  const { answer, port } = await tcpAsk(server, data);
  expect(answer).toBe(answerTo(text, port));
  await server.printed([STARTING, answer]);
});

test("answers the first piece of a message, and no other", async () => {
  const server = await serve("04");
  const client = await connect(server.port);
  client.socket.setNoDelay().write("a");
  await server.until("the end of the answer", client.ended);
  for (const byte of "bcdefgh") {
    await new Promise((sent) => client.socket.write(byte, sent));
  }
  client.socket.end();
  await server.until("the end of the connection", client.closed);
  await server.printed([STARTING, answerTo("a", client.port)]);
  expect(client.error).toBe("");
});

test("answers while 250 clients are silent and one sends", async () => {
  const server = await serve("04");
  const clients = Array.from({ length: 250 }, () => connect(server.port));
  const [silent] = await server.until("connections", Promise.all(clients));
  const sending = await connect(server.port);
  const send = () => {
    while (sending.socket.write(Buffer.alloc(65_536)));
    sending.socket.once("drain", send);
  };
  send();
  await server.until("the first answer", sending.ended);
  for (let i = 0; i < 20; i++) await answersStill(server);
  silent.socket.write("at last");
  await server.until("the last answer", silent.ended);
  expect(silent.received).toBe(answerTo("at last", silent.port));
});

test("keeps no connection or timer of old clients", async () => {
  // After this message, it accepts no more, and exits when nothing is left. A
  // timer would last 30 seconds.
  const line = "const message = data.toString();";
  const server = await serve("04", {
    replaced: [[line, `${line} if (message === "20") server.close();`]],
    without: ["process.on("], // On Deno, these listeners keep it running.
  });
  const client = await connect(server.port);
  await tcpAsk(server, "It is accepted now.");
  client.socket.resetAndDestroy();
  for (let i = 1; i <= 20; i++) await tcpAsk(server, `${i}`);
  const stderr = `127.0.0.1:${client.port}: read ECONNRESET\n`;
  expect(await server.end()).toMatchObject({ status: 0, stderr });
});

test("prints no error when clients close", async () => {
  const server = await serve("04");
  const silent = await connect(server.port);
  const client = await connect(server.port);
  silent.socket.end();
  client.socket.end("Bye");
  const both = Promise.all([silent.closed, client.closed]);
  await server.until("the end of both connections", both);
  expect([silent.received, silent.error, client.error]).toEqual(["", "", ""]);
  await server.printed([STARTING, answerTo("Bye", client.port)]);
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

// While the server is paused, the system accepts clients for it. Windows cannot
// pause a process.
test.skipIf(windows)("keeps running after early resets", async () => {
  const server = await serve("04");
  server.signal("SIGSTOP");
  for (let i = 0; i < 20; i++) {
    const { socket, closed } = await connect(server.port);
    socket.write("x", () => socket.resetAndDestroy());
    await server.until("the end of a connection", closed);
  }
  server.signal("SIGCONT");
  await answersStill(server);
  expect(server.stdout + server.stderr).not.toContain("undefined");
});

test.skipIf(windows)("keeps running without free files", async () => {
  const server = await serve("04", { command: withFiles(64) });
  const clients = Array.from({ length: 100 }, () => connect(server.port));
  const [first, ...crowd] = await Promise.all(clients);
  first.socket.write("I was first");
  await server.until("an answer", first.ended);
  expect(first.received).toBe(answerTo("I was first", first.port));
  for (const { socket } of [first, ...crowd]) socket.end();
  const closed = [first, ...crowd].map((client) => client.closed);
  if (runtime !== "deno") { // Deno never accepts again.
    await server.until("the end of all connections", Promise.all(closed));
    await answersStill(server);
  }
  expect(server.stderr).toBe("");
});

test("closes each connection after TIMEOUT", async () => {
  const server = await serve("04", { TIMEOUT: 2_000 });
  const connected = performance.now();
  const clients = ["silent", "sending", "late"].map(() => connect(server.port));
  const [silent, sending, late] = await Promise.all(clients);
  setInterval(() => sending.socket.write("more"), 50).unref();
  setTimeout(() => late.socket.write("late"), 1_000);
  await server.until("the end of the silent connection", silent.ended);
  const passed = performance.now() - connected;
  for (const { socket, port, closed } of [silent, sending, late]) {
    await server.prints(`127.0.0.1:${port}: timed out\n`, "stderr");
    // If both sides are closed, a client that sends more gets an error.
    setInterval(() => socket.write("more"), 50).unref();
    await server.until("the end of a connection", closed);
  }
  expect(late.received).toBe(answerTo("late", late.port));
  await answersStill(server);
  expect(passed).toBeGreaterThan(1_700);
  expect(passed).toBeLessThan(3_500);
});

test("says that its port is in use, and exits", async () => {
  const { port } = await tcpPeer();
  const error = `listen EADDRINUSE: address already in use 127.0.0.1:${port}`;
  await start("04", { PORT: port })
    .ends(1, "", `${error}. Free this port, or change HOST or PORT.\n`);
});

test.skipIf(macOS)("is bound to HOST only", async () => {
  const server = await serve("04");
  const connected = once(net.connect(server.port, OTHER_HOST), "connect");
  await expect(connected).rejects.toThrow("ECONNREFUSED");
  const { answer, port } = await tcpAsk(server, "hi", OTHER_HOST);
  expect(answer).toBe(answerTo("hi", port, OTHER_HOST));
});

test.skipIf(windows).for(signals)("exits on %j", async (signals) => {
  const server = await serve("04");
  await connect(server.port);
  const { answer } = await tcpAsk(server, "x");
  server.signal(signals);
  await server.ends(0, `${STARTING}\n${answer}\nEnding tcp server.......\n`);
});
