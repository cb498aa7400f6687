// The experiments of README.md and the Chinese guide do what is said there.

import { expect, test } from "vitest";
import {
  freePort,
  HOST,
  listening,
  macOS,
  OTHER_HOST,
  Program,
  serve,
  start,
  windows,
} from "./helpers.ts";
import { blocks, codes, GUIDE, README, section, type } from "./pages.ts";

test("a taken port", async () => {
  const { port } = await serve("01");
  const { status, stderr } = await start("01", { PORT: port }).end();
  const [said] = codes(section(README, "A taken port"));
  expect(stderr).toContain(said);
  expect(status).toBe(1);
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

test.for([
  ["README.md", section(README, "Byte 501")],
  ["the guide", section(GUIDE, "实验：167 个“静”")],
])("byte 501, in %s", async ([, text]) => {
  const server = await serve("03");
  const repeated = [...text.matchAll(/'(.)'\.repeat\((\d+)\)/g)]
    .map(([, character, count]) => character.repeat(Number(count)));
  for (const message of repeated) {
    expect(Buffer.from(message)).toHaveLength(501);
    await start("02", { PORT: server.port, args: [message] }).end();
  }
  expect(text).toContain("('静' * 167)");
  const both = ["x".repeat(500), `${"静".repeat(166)}�`];
  const [starting] = server.stdout.split("\n");
  await server.printed([starting, ...both.slice(-repeated.length)]);
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
  ["README.md", README, "A silent client"],
  ["the guide", GUIDE, "实验：沉默的客户端"],
])("a silent client, in %s", async ([, page, heading]) => {
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
  const server = await serve("04");
  const client = type("Two pieces", server.port);
  const [, answer] = /The answer is `(.*)…`/.exec(README) ?? [];
  await client.prints(answer);
});

test("two pieces, with a line break as their end", async () => {
  const text = section(README, "Two pieces");
  const [, added] = /add `(import .*?)`/.exec(text) ?? [];
  const [put] = blocks(text, "ts");
  const step5 = `  connection.once("data", (piece: Buffer) => {
    const data = piece.subarray(0, 500);
    const message = data.toString(); // decoded as UTF-8
`;
  const server = await serve("04", {
    replaced: [[step5, put], ["import net", `${added}\nimport net`]],
  });
  const client = type("Two pieces", server.port);
  const [, answer] = /client gets `(.*)…`/.exec(text) ?? [];
  await client.prints(answer);
  // Here, too, a client that resets must not end the server.
  type("A broken connection", server.port);
  await server.prints("read ECONNRESET", "stderr");
  const again = type("Two pieces", server.port);
  await again.prints(answer);
});

test("an answer in two pieces", async () => {
  const PORT = await freePort();
  const server = type("An answer in two pieces", PORT);
  await server.until("its port", listening(PORT));
  const [, answer] = /05 prints `(.*)`/
    .exec(section(README, "An answer in two pieces")) ?? [];
  const { stdout } = await start("05", { PORT }).end();
  expect(stdout).toBe(`${answer}\n`);
});

test.skipIf(macOS)("two machines", async () => {
  const [every] = /0\.0\.0\.0/.exec(section(README, "Two machines")) ?? [];
  const { port } = await serve("04", { HOST: every });
  const client = start("05", { PORT: port, HOST: OTHER_HOST });
  expect((await client.end()).stdout).toContain("from ('127.0.0.");
});

// The guide says that the programs of the chapter can talk to these scripts.
// These do what those do: they receive once, and answer. On Windows, Python may
// have another name.
const python = {
  udpServer: (port: number) => `
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("${HOST}", ${port}))
print("bound", flush=True)
data, sender = s.recvfrom(500)
s.sendto(b"from Python: " + data, sender)`,
  udpClient: (port: number) => `
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b"Hello", ("${HOST}", ${port}))
print(s.recvfrom(200)[0].decode())`,
  tcpServer: (port: number) => `
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.bind(("${HOST}", ${port}))
s.listen()
print("bound", flush=True)
connection, client = s.accept()
connection.send(b"from Python: " + connection.recv(500))
connection.close()`,
  tcpClient: (port: number) => `
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.connect(("${HOST}", ${port}))
s.send(b"Hello")
print(s.recv(500).decode())
s.close()`,
};
const runPython = (code: string) =>
  new Program("Python", ["python3", "-c", `import socket\n${code}`]);

test.skipIf(windows).for<[string, keyof typeof python, RegExp]>([
  ["01", "udpClient", /^Ich hab keine Hunge\n$/],
  ["03", "udpClient", /^Ich hab keine Hunge\n$/],
  ["04", "tcpClient", /^Received msg: Hello from \('127.0.0.1', \d+\)\n$/],
])("%s answers a client in Python", async ([number, name, answer]) => {
  const { port } = await serve(number);
  const { stdout } = await runPython(python[name](port)).end();
  expect(stdout).toMatch(answer);
});

test.skipIf(windows).for<[string, keyof typeof python, string]>([
  ["02", "udpServer", "from Python: I love jingjing\n"],
  ["05", "tcpServer", "from Python: I love wangxiaojing\n"],
])("%s gets the answer of a server in Python", async (
  [number, name, stdout],
) => {
  const PORT = await freePort();
  await runPython(python[name](PORT)).prints("bound\n");
  const client = start(number, { PORT });
  expect(await client.end()).toEqual({ status: 0, stdout, stderr: "" });
});
