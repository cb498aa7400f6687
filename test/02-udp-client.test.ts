import { expect, test } from "vitest";
import {
  macOS,
  messages,
  OTHER_HOST,
  start,
  udpPeer,
  windows,
  withFiles,
} from "./helpers.ts";

test.for(messages(200))("prints an answer of %s", async ([, data, text]) => {
  const { socket, port, next } = await udpPeer();
  const client = start("02", { PORT: port });
  const [, sender] = await client.until("its message", next());
  socket.send(data, sender.port, sender.address);
  const stdout = `${text}\n`;
  expect(await client.end()).toEqual({ status: 0, stdout, stderr: "" });
});

test.for<[string[], string]>([
  [[], "I love jingjing"],
  [["Hello", "not this"], "Hello"],
  [[" 我 ❤️ "], " 我 ❤️ "],
  [[""], ""],
])("with %j, sends %j once, and prints one answer", async (
  [args, message],
) => {
  const { socket, port, next, received } = await udpPeer();
  const client = start("02", { PORT: port, args });
  const [, sender] = await client.until("its message", next());
  socket.send("1st", sender.port, sender.address);
  socket.send("2nd", sender.port, sender.address);
  expect(await client.end())
    .toEqual({ status: 0, stdout: "1st\n", stderr: "" });
  expect(await received()).toEqual([message]);
});

test.skipIf(macOS)("sends to HOST", async () => {
  const { port, next } = await udpPeer(OTHER_HOST);
  const client = start("02", { PORT: port, HOST: OTHER_HOST });
  const [message] = await client.until("its message", next());
  expect(String(message)).toBe("I love jingjing");
});

test("gives up after TIMEOUT", async () => {
  const { port, next } = await udpPeer();
  const client = start("02", { PORT: port, TIMEOUT: 2_000 });
  await client.until("its message", next());
  const sent = performance.now();
  const stderr = `No answer from 127.0.0.1:${port} in 2 seconds. ` +
    "Is the server running?\n";
  expect(await client.end()).toEqual({ status: 1, stdout: "", stderr });
  const passed = performance.now() - sent;
  expect(passed).toBeGreaterThan(1_700);
  expect(passed).toBeLessThan(3_500);
});

// Windows takes no argument as long as this one.
test.skipIf(windows)("says that its message is too long", async () => {
  const args = ["x".repeat(70_000)];
  const client = start("02", { PORT: 2000, args });
  const stderr = "send EMSGSIZE 127.0.0.1:2000\n";
  expect(await client.end()).toEqual({ status: 1, stdout: "", stderr });
});

test.skipIf(windows)("says that the system has no socket left", async () => {
  const client = start("02", {
    command: withFiles(200),
    added: `
      import fs from "node:fs";
      try {
        while (true) fs.openSync(process.execPath);
      } catch {
        // Now no more files can be opened.
      }`,
  });
  const stderr = "bind EMFILE 0.0.0.0\n";
  expect(await client.end()).toEqual({ status: 1, stdout: "", stderr });
});
