import { inspect } from "node:util";
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
} from "./helpers.ts";

const STARTING = "Starting server.........";
const ENDING = "Ending server........";
const ANSWER = "Ich hab keine Hunge";

/** What it prints for a message, in bytes and as text. */
const output = (data: Buffer, text: string) => [
  STARTING,
  inspect(data.subarray(0, 500)),
  "Buffer",
  "string",
  text,
  ENDING,
];

test.for(messages(500))(
  "prints and answers %s, and exits",
  async ([, data, text]) => {
    const server = await serve("01");
    expect(await udpAsk(server, data)).toBe(ANSWER);
    await server.printed(output(data, text));
    expect((await server.end()).status).toBe(0);
  },
);

test("answers its first message only", async () => {
  const server = await serve("01");
  const { socket, received } = await udpPeer();
  for (const message of ["1st", "2nd", "3rd"]) {
    socket.send(message, server.port, HOST);
  }
  await server.end();
  await server.printed(output(Buffer.from("1st"), "1st"));
  expect(await received()).toEqual([ANSWER]);
});

test("says that its port is taken, and exits", async () => {
  const { port } = await udpPeer();
  const { status, stdout, stderr } = await start("01", { PORT: port }).end();
  // Bun leaves out the port.
  expect(stderr.replace(`:${port}`, "")).toBe(
    "bind EADDRINUSE 127.0.0.1. Free this port, or change HOST or PORT.\n",
  );
  expect([status, stdout]).toEqual([1, ""]);
});

test.skipIf(macOS)("is bound to its own address only", async () => {
  const server = await serve("01");
  const { socket, next } = await udpPeer(OTHER_HOST);
  socket.send("to the other address", server.port, OTHER_HOST);
  socket.send("to its own", server.port, HOST);
  await server.until("an answer", next());
  await server.printed(output(Buffer.from("to its own"), "to its own"));
});

// Linux refuses to send to a broadcast address. Other systems drop the answer.
test.runIf(linux)("says that its answer cannot be sent", async () => {
  const server = await serve("01", {
    added: `
      socket.on("listening", () => {
        const sender = { address: "127.255.255.255", port: 2000 };
        socket.emit("message", Buffer.from("x"), sender);
      });`,
  });
  const { status, stderr } = await server.end();
  // Deno does not know the error's name.
  expect(stderr).toMatch(/^send (EACCES|UNKNOWN) 127\.255\.255\.255:2000\n$/);
  expect(status).toBe(1);
});
