// The experiments of README.md and the Chinese guide do what is said there.

import { expect, test } from "vitest";
import { blocks, codes, GUIDE, README, section, type } from "./pages.ts";
import { listening } from "./peers.ts";
import { freePort, HOST, macOS, OTHER_HOST, Program } from "./program.ts";
import { serve, start, windows } from "./program.ts";

test("a taken port", async () => {
  const { port } = await serve("01");
  const [said] = codes(section(README, "A taken port"));
  expect(await start("01", { PORT: port }).end())
    .toMatchObject({ status: 1, stderr: expect.stringContaining(said) });
});

test("the client first", async () => {
  const PORT = await freePort();
  const client = start("02", {
    PORT,
    TIMEOUT: 3_000,
    replaced: [["  if (error) {", '  console.log("sent");\n  if (error) {']],
  });
  await client.prints("sent\n");
  const server = await serve("01", { PORT });
  expect((await client.end()).stderr).toContain("No answer from");
  await server.printed(["Starting server........."]);
});

test.for(
  [
    [README, "Byte 501", ["x".repeat(500), `${"静".repeat(166)}�`]],
    [GUIDE, "实验：167 个“静”", [`${"静".repeat(166)}�`]],
  ] as const,
)("byte 501, $1", async ([page, heading, printed]) => {
  const text = section(page, heading);
  const server = await serve("03");
  for (const [, character, n] of text.matchAll(/'(.)'\.repeat\((\d+)\)/g)) {
    const message = character.repeat(Number(n));
    expect(Buffer.from(message)).toHaveLength(501);
    await start("02", { PORT: server.port, args: [message] }).end();
  }
  expect(text).toContain("('静' * 167)");
  await server.printed(["Starting server.........", ...printed]);
});

test("why 03 refuses some senders", async () => {
  const text = section(README, "Why 03 refuses some senders");
  const [, message] = /02-udp-client\.ts "(.*)"/.exec(text) ?? [];
  const server = await serve("03");
  const options = { PORT: server.port, TIMEOUT: 500, args: [message] };
  await start("02", options).end();
  const [said] = codes(text);
  expect(server.stderr.replace(/:\d+/, ":54321")).toBe(`${said}\n`);
});

test.for([
  [README, "A silent client"],
  [GUIDE, "实验：沉默的客户端"],
])("a silent client, $1", async ([page, heading]) => {
  const server = await serve("04", { TIMEOUT: 3_000 });
  const silent = type(heading, server.port, page);
  const client = start("05", { PORT: server.port });
  expect((await client.end()).status).toBe(0);
  await server.prints("timed out\n", "stderr");
  expect((await silent.end()).status).toBe(0);
});

test("a broken connection", async () => {
  const server = await serve("04");
  type("A broken connection", server.port);
  const [said] = codes(section(README, "A broken connection"));
  await server.prints(`: ${said}\n`, "stderr");
});

test("two pieces", async () => {
  const text = section(README, "Two pieces");
  const [, answer] = /The answer is `(.*)…`/.exec(text) ?? [];
  const { port } = await serve("04");
  await type("Two pieces", port).prints(answer);

  const [, better] = /client gets `(.*)…`/.exec(text) ?? [];
  const [, added] = /add `(import .*?)`/.exec(text) ?? [];
  const [put] = blocks(text, "ts");
  const step5 = `  connection.once("data", (piece: Buffer) => {
    const data = piece.subarray(0, 500);
    const message = data.toString(); // decoded as UTF-8
`;
  const server = await serve("04", {
    replaced: [[step5, put], ["import net", `${added}\nimport net`]],
  });
  await type("Two pieces", server.port).prints(better);
  // Here, too, a client that resets must not end the server.
  type("A broken connection", server.port);
  await server.prints("read ECONNRESET", "stderr");
  await type("Two pieces", server.port).prints(better);
});

test("an answer in two pieces", async () => {
  const PORT = await freePort();
  const server = type("An answer in two pieces", PORT);
  await server.until("its port", listening(PORT));
  const text = section(README, "An answer in two pieces");
  const [, answer] = /05 prints `(.*)`/.exec(text) ?? [];
  expect((await start("05", { PORT }).end()).stdout).toBe(`${answer}\n`);
});

test.skipIf(macOS)("two machines", async () => {
  const [every] = /0\.0\.0\.0/.exec(section(README, "Two machines")) ?? [];
  const { port } = await serve("04", { HOST: every });
  const client = start("05", { PORT: port, HOST: OTHER_HOST });
  expect((await client.end()).stdout).toContain("from ('127.0.0.");
});

// The guide says that the programs of the chapter can talk to these scripts.
// These do what those do. On Windows, Python may have another name.
const python = (kind: string, port: number, lines: string) => {
  const create = `s = socket.socket(socket.AF_INET, socket.SOCK_${kind})
address = ("${HOST}", ${port})`;
  const code = ["import socket", create, lines.replace(/^ +/gm, "")].join("\n");
  return new Program("Python", ["python3", "-c", code]);
};

test.skipIf(windows).for([
  [
    "03",
    "DGRAM",
    's.sendto(b"Hello", address)\nprint(s.recvfrom(200)[0].decode())',
    "Ich hab keine Hunge\n",
  ],
  [
    "04",
    "STREAM",
    's.connect(address)\ns.send(b"Hello")\nprint(s.recv(500)[:24].decode())',
    "Received msg: Hello from\n",
  ],
])("%s answers Python", async ([number, kind, lines, stdout]) => {
  const { port } = await serve(number);
  expect((await python(kind, port, lines).end()).stdout).toBe(stdout);
});

test.skipIf(windows).for([
  [
    "02",
    "DGRAM",
    `s.bind(address)
     print("bound", flush=True)
     data, client = s.recvfrom(500)
     s.sendto(b"Python: " + data, client)`,
    "Python: I love jingjing\n",
  ],
  [
    "05",
    "STREAM",
    `s.bind(address)
     s.listen()
     print("bound", flush=True)
     connection, client = s.accept()
     connection.send(b"Python: " + connection.recv(500))
     connection.close()`,
    "Python: I love wangxiaojing\n",
  ],
])("%s gets an answer of Python", async ([number, kind, lines, stdout]) => {
  const PORT = await freePort();
  await python(kind, PORT, lines).prints("bound\n");
  expect((await start(number, { PORT }).end()).stdout).toBe(stdout);
});
