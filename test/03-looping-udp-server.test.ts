import { expect, test } from "vitest";
import {
  HOST,
  linux,
  macOS,
  messages,
  OTHER_HOST,
  serve,
  start,
  udpAsk,
  udpPeer,
  windows,
} from "./helpers.ts";

const STARTING = "Starting server.........";
const ENDING = "Ending server........";
const ANSWER = "Ich hab keine Hunge";

/** A line to add: it receives a datagram from any sender. */
const receive = (address: string, port: number, message = "hi") => `
  socket.on("listening", () => {
    const sender = { address: "${address}", port: ${port} };
    socket.emit("message", Buffer.from("${message}"), sender);
  });`;

test("prints and answers all kinds of messages, each once", async () => {
  const server = await serve("03");
  const { socket, next, received } = await udpPeer();
  for (const [, data] of messages(500)) {
    socket.send(data, server.port, HOST);
    await server.until("an answer", next());
  }
  await server.printed([STARTING, ...messages(500).map(([, , text]) => text)]);
  expect(await received()).toEqual(messages(500).map(() => ANSWER));
});

test("takes a datagram of any size", async () => {
  const server = await serve("03");
  // macOS sends no more, unless it is told to.
  const largest = "x".repeat(macOS ? 9_216 : 65_507);
  expect(await udpAsk(server, largest)).toBe(ANSWER);
  await server.printed([STARTING, "x".repeat(500)]);
});

test("says that its port is taken, and exits", async () => {
  const { port } = await udpPeer();
  const { status, stdout, stderr } = await start("03", { PORT: port }).end();
  // Bun leaves out the port.
  expect(stderr.replace(`:${port}`, "")).toBe(
    "bind EADDRINUSE 127.0.0.1. Free this port, or change HOST or PORT.\n",
  );
  expect([status, stdout]).toEqual([1, ""]);
});

test.skipIf(macOS)("is bound to its own address only", async () => {
  const server = await serve("03");
  const { socket, next } = await udpPeer(OTHER_HOST);
  socket.send("to the other address", server.port, OTHER_HOST);
  socket.send("to its own", server.port, HOST);
  await server.until("an answer", next());
  await server.printed([STARTING, "to its own"]);
});

test.for([0, 7, 1023])("does not answer port %i", async (port) => {
  const server = await serve("03", { added: receive(HOST, port) });
  expect(await udpAsk(server, "still there?")).toBe(ANSWER);
  await server.printed(
    [STARTING, "hi", "still there?"],
    [`127.0.0.1:${port}: not answered`],
  );
});

test("answers port 1024, and keeps running if nobody is there", async () => {
  const server = await serve("03", { added: receive(HOST, 1024) });
  expect(await udpAsk(server, "still there?")).toBe(ANSWER);
  expect(server.stderr).not.toContain("not answered");
});

test("does not answer its own answer", async () => {
  const server = await serve("03");
  const { socket, port, received } = await udpPeer();
  socket.send(ANSWER, server.port, HOST);
  expect(await udpAsk(server, "still there?")).toBe(ANSWER);
  await server.printed(
    [STARTING, ANSWER, "still there?"],
    [`127.0.0.1:${port}: not answered`],
  );
  expect(await received()).toEqual([]);
});

test.for([` ${ANSWER} `, `${ANSWER}!`])("answers %j", async (message) => {
  const server = await serve("03");
  expect(await udpAsk(server, message)).toBe(ANSWER);
});

// Wine, in the place of Windows, gives every sender the same address.
test.skipIf(macOS || windows)("names the address of a sender", async () => {
  const server = await serve("03");
  const { socket, port } = await udpPeer(OTHER_HOST);
  socket.send(ANSWER, server.port, HOST);
  await server.printed(
    [STARTING, ANSWER],
    [`127.0.0.2:${port}: not answered`],
  );
});

test("keeps running when a receive fails, and says why", async () => {
  const server = await serve("03", {
    added: `
      socket.on("listening", () => {
        socket.emit("error", new Error("the first"));
        socket.emit("error", new Error("the second"));
      });`,
  });
  expect(await udpAsk(server, "still there?")).toBe(ANSWER);
  await server.printed(
    [STARTING, "still there?"],
    ["the first", "the second"],
  );
});

// Linux refuses to send to a broadcast address. Other systems drop the answer.
test.runIf(linux)("keeps running when an answer cannot be sent", async () => {
  const server = await serve("03", { added: receive("127.255.255.255", 2000) });
  expect(await udpAsk(server, "still there?")).toBe(ANSWER);
  // Deno does not know the error's name.
  expect(server.stderr)
    .toMatch(/^send (EACCES|UNKNOWN) 127\.255\.255\.255:2000\n$/);
});

// Windows has no signals that one process could send to another.
test.skipIf(windows).for(["SIGINT", "SIGTERM"] as const)(
  "exits on %s, even if it comes twice",
  async (signal) => {
    const server = await serve("03");
    server.signal(signal);
    server.signal(signal);
    const stdout = `${STARTING}\n${ENDING}\n`;
    expect(await server.end()).toEqual({ status: 0, stdout, stderr: "" });
  },
);
