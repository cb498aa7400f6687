import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { type Message, messages, udpAsk, udpPeer } from "./peers.ts";
import { HOST, linux, macOS, OTHER_HOST, windows } from "./program.ts";
import { serve, signals, start } from "./program.ts";

const STARTING = "Starting server.........";
const ENDING = "Ending server........";
const ANSWER = "Ich hab keine Hunge";

/** What a server prints for a message: 01 also shows its bytes. */
const printed = (number: string, data: Buffer, text: string) =>
  number === "03" ? [text] : [inspect(data), "Buffer", "string", text, ENDING];

/** A line to add: it makes up a datagram from any sender. */
const fake = (address: string, port: number) =>
  `socket.on("listening", () => {
    const sender = { address: "${address}", port: ${port} };
    socket.emit("message", Buffer.from("hi"), sender);
  });`;

describe.for(["01", "03"])("%s", (number) => {
  test.for<Message>([
    ...messages(500),
    // macOS sends no more, unless it is told to.
    ["64 KiB", Buffer.alloc(macOS ? 9_216 : 65_507, "x"), "x".repeat(500)],
  ])("prints and answers %s", async ([, data, text]) => {
    const server = await serve(number);
    expect(await udpAsk(server, data)).toBe(ANSWER);
    const lines = printed(number, data.subarray(0, 500), text);
    await server.printed([STARTING, ...lines]);
  });

  test("says that its port is in use, and exits", async () => {
    const { port } = await udpPeer();
    const { stderr, ...rest } = await start(number, { PORT: port }).end();
    const error = stderr.replace(`:${port}`, ""); // Bun leaves out the port.
    const advice = "Free this port, or change HOST or PORT.";
    expect(error).toBe(`bind EADDRINUSE 127.0.0.1. ${advice}\n`);
    expect(rest).toEqual({ status: 1, stdout: "" });
  });

  test.skipIf(macOS)("is bound to HOST only", async () => {
    const server = await serve(number);
    const { socket, next } = await udpPeer(OTHER_HOST);
    socket.send("to the other address", server.port, OTHER_HOST);
    socket.send("to its own", server.port, HOST);
    await server.until("an answer", next());
    await server.prints("to its own\n");
    expect(server.stdout).not.toContain("other");
  });

  test("prints that it cannot receive", async () => {
    const added = `for (const message of "AB") socket.on("listening", () =>
      socket.emit("error", { message, syscall: "recvmsg" }));`;
    const server = await serve(number, { added });
    await server.prints("A", "stderr");
    if (number === "01") expect((await server.end()).status).toBe(1);
    else expect(await udpAsk(server, "still there?")).toBe(ANSWER);
    expect(server.stderr.includes("B\n")).toBe(number === "03");
  });

  // Linux refuses to send to a broadcast address. Other systems drop the answer.
  test.runIf(linux)("says that its answer cannot be sent", async () => {
    const added = fake("127.255.255.255", 2000);
    const server = await serve(number, { added });
    if (number === "01") expect((await server.end()).status).toBe(1);
    else expect(await udpAsk(server, "still there?")).toBe(ANSWER);
    // Deno does not know the error's name.
    expect(server.stderr)
      .toMatch(/^send (EACCES|UNKNOWN) 127\.255\.255\.255:2000\n$/);
  });
});

test.for<[string, string, string[]]>([
  ["01", "answers its first message only", ["1st"]],
  ["03", "answers each message once", ["1st", "2nd", "3rd"]],
])("%s %s", async ([number, , texts]) => {
  const server = await serve(number);
  const { socket, next, received } = await udpPeer();
  for (const text of ["1st", "2nd", "3rd"]) {
    socket.send(text, server.port, HOST);
    if (number === "03") await server.until("an answer", next());
  }
  const lines = texts.map((text) => printed(number, Buffer.from(text), text));
  await server.printed([STARTING, ...lines.flat()]);
  if (number === "01") expect((await server.end()).status).toBe(0);
  expect(await received()).toEqual(texts.map(() => ANSWER));
});

test.for([0, 7, 1023])("03 does not answer port %i", async (port) => {
  const server = await serve("03", { added: fake(HOST, port) });
  expect(await udpAsk(server, "still there?")).toBe(ANSWER);
  const refused = `127.0.0.1:${port}: not answered`;
  await server.printed([STARTING, "hi", "still there?"], [refused]);
});

test("03 answers port 1024, and keeps running if nobody is there", async () => {
  const server = await serve("03", { added: fake(HOST, 1024) });
  expect(await udpAsk(server, "still there?")).toBe(ANSWER);
  expect(server.stderr).not.toContain("not answered");
});

// Wine, which stands in for Windows, gives every sender the same address.
const host = macOS || windows ? HOST : OTHER_HOST;
test("03 does not answer its own answer, and names the sender", async () => {
  const server = await serve("03");
  const { socket, port, received } = await udpPeer(host);
  socket.send(ANSWER, server.port, HOST);
  const refused = `${host}:${port}: not answered`;
  await server.printed([STARTING, ANSWER], [refused]);
  expect(await received()).toEqual([]);
});

test.for([` ${ANSWER} `, `${ANSWER}!`])("03 answers %j", async (message) => {
  expect(await udpAsk(await serve("03"), message)).toBe(ANSWER);
});

test.skipIf(windows).for(signals)("03 exits on %j", async (signals) => {
  const server = await serve("03");
  server.signal(signals);
  await server.ends(0, `${STARTING}\n${ENDING}\n`);
});
