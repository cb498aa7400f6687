// The experiments of README.md and the Chinese guide do what is said there.

import { expect, test } from "vitest";
import { blocks, codes, README, section, type } from "./pages.ts";
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

test("byte 501", async () => {
  const text = section(README, "Byte 501");
  const server = await serve("03");
  for (const [, character, n] of text.matchAll(/'(.)'\.repeat\((\d+)\)/g)) {
    const message = character.repeat(Number(n));
    expect(Buffer.from(message)).toHaveLength(501);
    await start("02", { PORT: server.port, args: [message] }).end();
  }
  expect(text).toContain("('静' * 167)");
  const printed = ["x".repeat(500), `${"静".repeat(166)}�`];
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

test("a silent client", async () => {
  const server = await serve("04", { TIMEOUT: 3_000 });
  const silent = type("A silent client", server.port);
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
  const added = 'server.on("listening", () => console.log("ready"))';
  await type("An answer in two pieces", PORT, added).prints("ready");
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
  const code = `import socket
    address = ("${HOST}", ${port})
    s = socket.socket(socket.AF_INET, socket.SOCK_${kind})
    ${lines}`.replaceAll(/^ +/gm, "");
  return new Program("Python", ["python3", "-c", code]);
};

test.skipIf(windows).for(["01", "03"])("%s answers Python", async (number) => {
  const { port } = await serve(number);
  const client = python(
    "DGRAM",
    port,
    `s.sendto(b"Hello", address)
    print(s.recvfrom(200)[0].decode())`,
  );
  expect((await client.end()).stdout).toBe("Ich hab keine Hunge\n");
});

test.skipIf(windows)("04 answers Python", async () => {
  const { port } = await serve("04");
  const client = python(
    "STREAM",
    port,
    `s.connect(address)
    s.send(b"Hello")
    print(s.recv(500).decode())`,
  );
  expect((await client.end()).stdout).toContain("Received msg: Hello from");
});

test.skipIf(windows)("02 gets an answer of Python", async () => {
  const PORT = await freePort();
  await python(
    "DGRAM",
    PORT,
    `s.bind(address)
    print("bound", flush=True)
    data, client = s.recvfrom(500)
    s.sendto(data, client)`,
  ).prints("bound");
  const { stdout } = await start("02", { PORT }).end();
  expect(stdout).toBe("I love jingjing\n");
});

test.skipIf(windows)("05 gets an answer of Python", async () => {
  const PORT = await freePort();
  await python(
    "STREAM",
    PORT,
    `s.bind(address)
    s.listen()
    print("bound", flush=True)
    connection, client = s.accept()
    connection.send(connection.recv(500))
    connection.close()`,
  ).prints("bound");
  const { stdout } = await start("05", { PORT }).end();
  expect(stdout).toBe("I love wangxiaojing\n");
});
