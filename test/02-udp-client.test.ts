import { expect, test } from "vitest";
import { messages, udpPeer } from "./peers.ts";
import { macOS, type Options, OTHER_HOST, start, windows } from "./program.ts";

/** Runs 02 with a server that answers its message like this. */
async function run(answers: (string | Buffer)[], options: Options = {}) {
  const { socket, port, next, received } = await udpPeer(options.HOST);
  const client = start("02", { PORT: port, ...options });
  const [, sender] = await client.until("its message", next());
  const came = performance.now();
  for (const data of answers) socket.send(data, sender.port, sender.address);
  const end = await client.end();
  const passed = performance.now() - came;
  return { ...end, port, passed, received: await received() };
}

test.for(messages(200))("prints an answer of %s", async ([, data, text]) => {
  const end = await run([data]);
  expect(end).toMatchObject({ status: 0, stdout: `${text}\n`, stderr: "" });
});

test.for<[string[], string]>([
  [[], "I love jingjing"],
  [["Hello", "ignored"], "Hello"],
  [[" 我 ❤️ "], " 我 ❤️ "],
  [[""], ""],
])("with %j, sends %j once, and prints one answer", async ([args, message]) => {
  const end = await run(["1st", "2nd"], { args });
  expect(end).toMatchObject({ status: 0, stdout: "1st\n", stderr: "" });
  expect(end.received).toEqual([message]);
});

test.skipIf(macOS)("sends to HOST", async () => {
  expect((await run(["x"], { HOST: OTHER_HOST })).stdout).toBe("x\n");
});

test("gives up after TIMEOUT", async () => {
  const { port, passed, ...end } = await run([], { TIMEOUT: 2_000 });
  const stderr = `No answer from 127.0.0.1:${port} in 2 seconds. ` +
    "Is the server running?\n";
  expect(end).toMatchObject({ status: 1, stdout: "", stderr });
  expect(passed).toBeGreaterThan(1_700);
  expect(passed).toBeLessThan(3_500);
});

// Windows does not take such a long argument.
test.skipIf(windows)("says that its message is too long", async () => {
  const client = start("02", { PORT: 2000, args: ["x".repeat(70_000)] });
  await client.ends(1, "", "send EMSGSIZE 127.0.0.1:2000\n");
});

test("says that the system has no port left", async () => {
  const added = 'socket.emit("error", new Error("no port"));';
  await start("02", { PORT: 2000, added }).ends(1, "", "no port\n");
});
