// The experiments of README.md, and what happens when a line is taken out.

import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { blocks, codes, items, README, section, type } from "./pages.ts";
import { connect, tcpPeer, udpAsk, udpPeer } from "./peers.ts";
import { freePort, HOST, macOS, OTHER_HOST, Program } from "./program.ts";
import { runtime, serve, source, start, windows } from "./program.ts";

const lines = items("Take a line out");

/** Checks that README.md has a reader change this. Returns it as an option. */
function without(number: string, part: string) {
  const found = lines.filter((line) => line.includes(part))
    .map((line) => line.split(":")[0]);
  expect(found.join()).toContain(`**${number}**`);
  return { without: [part] };
}

const TIMEOUT = 500; // milliseconds
const longer = () => sleep(1_000);

test("11 items say which line to take out", () => {
  expect(lines).toHaveLength(11);
});

test("A taken port", async () => {
  const { port } = await serve("04");
  const copy = without("04", 'server.on("error"');
  const { stderr } = await start("04", { ...copy, PORT: port }).end();
  for (const part of [...codes(section(README, "A taken port")), "    at "]) {
    expect(stderr).toContain(part);
  }
});

test("The client first", async () => {
  const PORT = await freePort();
  const client = start("02", {
    PORT,
    TIMEOUT: 2_000,
    replaced: [["  if (error) {", '  console.log("sent");\n  if (error) {']],
  });
  await client.prints("sent\n");
  const server = await serve("01", { PORT });
  expect((await client.end()).stderr).toContain("No answer from");
  await server.printed(["Starting server........."]);
});

test("02 without its timer", async () => {
  const { socket, port, next } = await udpPeer();
  const copy = without("02", "setTimeout(");
  const client = start("02", { ...copy, PORT: port, TIMEOUT });
  const [, sender] = await client.until("its message", next());
  await longer();
  socket.send("at last", sender.port, sender.address);
  expect((await client.end()).stdout).toBe("at last\n");
});

test("Byte 501", async () => {
  const text = section(README, "Byte 501");
  const server = await serve("03");
  for (const [, character, n] of text.matchAll(/'(.)'\.repeat\((\d+)\)/g)) {
    const message = character.repeat(Number(n));
    expect(Buffer.from(message)).toHaveLength(501);
    await start("02", { PORT: server.port, args: [message] }).end();
  }
  expect(text).toMatch(/\('静' \* 167\).*prints\s500\s`x`,\sthen\s166\s`静`/s);
  await server.prints(`\n${"x".repeat(500)}\n${"静".repeat(166)}�\n`);

  without("03", "[501 bytes](#byte-501). It prints 501 `x`.");
  const other = await serve("03", { replaced: [[".subarray(0, 500)", ""]] });
  await udpAsk(other, "x".repeat(501));
  await other.prints(`\n${"x".repeat(501)}\n`);
});

test("Why 03 refuses some senders", async () => {
  const text = section(README, "Why 03 refuses some senders");
  const [, message] = /02-udp-client\.ts "(.*)"/.exec(text) ?? [];
  const server = await serve("03");
  const client = { PORT: server.port, TIMEOUT, args: [message] };
  await start("02", client).end();
  const [said] = codes(text);
  expect(server.stderr.replace(/:\d+/, ":…")).toBe(`${said}\n`);

  const other = await serve("03", without("03", "if (sender.port < 1024"));
  expect(await udpAsk(other, message)).toBe(message);
});

test.skipIf(windows).for(["03", "04"])("%s without stop", async (number) => {
  const copy = without(number, 'process.on("SIGINT", stop)');
  const server = await serve(number, copy);
  server.signal("SIGINT");
  expect((await server.end()).stdout).not.toContain("Ending");
});

test("A silent client", async () => {
  const server = await serve("04", { TIMEOUT: 2_000 });
  const silent = type("A silent client", server.port);
  const client = await start("05", { PORT: server.port }).end();
  expect(client.status).toBe(0);
  await server.prints("timed out\n", "stderr");
  expect((await silent.end()).status).toBe(0);

  const copy = without("04", "const timer =");
  copy.without.push('connection.on("close", () => clearTimeout');
  const other = await serve("04", { ...copy, TIMEOUT });
  const late = await connect(other.port);
  await longer();
  late.socket.write("at last");
  await other.until("an answer", late.ended);
  expect(late.received).toContain("at last");
});

test("A broken connection", async () => {
  const server = await serve("04");
  type("A broken connection", server.port);
  const [said] = codes(section(README, "A broken connection"));
  await server.prints(`: ${said}\n`, "stderr");

  if (runtime === "bun") return; // Bun keeps the next server running.
  const other = await serve("04", without("04", 'connection.on("error"'));
  type("A broken connection", other.port);
  expect((await other.end()).stderr).toContain("    at ");
});

test("Two pieces", async () => {
  const text = section(README, "Two pieces");
  const [, answer] = /The answer is\s`(.*)…`/.exec(text) ?? [];
  const { port } = await serve("04");
  await type("Two pieces", port).prints(answer);

  const [, better] = /client gets\s`(.*)…`/.exec(text) ?? [];
  const [, added] = /Add\s`(import .*?)`/.exec(text) ?? [];
  const [put] = blocks(text, "ts");
  const [step5] = / *connection.once[^]*?const message.*\n/
    .exec(source("04")) ?? [""];
  const server = await serve("04", {
    replaced: [[step5, put], ["import net", `${added}\nimport net`]],
  });
  await type("Two pieces", server.port).prints(better);
  // This copy, too, must keep running when a client resets.
  type("A broken connection", server.port);
  await server.prints("read ECONNRESET", "stderr");
  await type("Two pieces", server.port).prints(better);

  without("04", 'with `on("data", …)` instead of `once`');
  const other = await serve("04", { replaced: [['once("data"', 'on("data"']] });
  type("Two pieces", other.port);
  await other.prints(answer);
  await other.prints("Received msg: you\n from");
  await other.prints("127.0.0.1:", "stderr");
});

test("An answer in two pieces", async () => {
  const PORT = await freePort();
  const added = 'server.on("listening", () => console.log("ready"))';
  await type("An answer in two pieces", PORT, added).prints("ready");
  const text = section(README, "An answer in two pieces");
  const [, answer] = /05 prints `(.*)`/.exec(text) ?? [];
  await start("05", { PORT }).ends(0, `${answer}\n`);

  without("05", "with `data = piece` instead of `data = Buffer.concat(…)");
  const part = "Buffer.concat([data, piece])";
  await start("05", { PORT, replaced: [[part, "piece"]] }).ends(0, "two\n");
});

test('05 without its listener for "end"', async () => {
  const { port } = await tcpPeer(({ socket }) => {
    socket.once("data", () => socket.end());
  });
  const copy = without("05", 'socket.on("end"');
  await start("05", { ...copy, PORT: port }).ends(0, "");
});

test("05 without its timer", async () => {
  const { port } = await tcpPeer(({ socket }) => {
    socket.once("data", () => longer().then(() => socket.end("at last")));
  });
  const copy = without("05", "setTimeout(");
  await start("05", { ...copy, PORT: port, TIMEOUT }).ends(0, "at last\n");
});

test.skipIf(macOS)("Two machines", async () => {
  const { port } = await serve("04", { HOST: "0.0.0.0" });
  const client = await start("05", { PORT: port, HOST: OTHER_HOST }).end();
  expect(client.stdout).toContain("from ('127.0.0.");
});

// The guide says that the programs of the chapter can talk to these scripts.
// This code does the same as they do. On Windows, Python may have another name.
const python = (port: number, kind: string, lines: string) => {
  const code = `import socket
    address = ("${HOST}", ${port})
    s = socket.socket(socket.AF_INET, socket.SOCK_${kind})
    ${lines}`.replaceAll(/^ +/gm, "");
  return new Program("Python", ["python3", "-c", code]);
};

test.skipIf(windows)("UDP with Python", async () => {
  for (const number of ["01", "03"]) {
    const { port } = await serve(number);
    const send = 's.sendto(b"Hello", address); print(s.recv(200).decode())';
    await python(port, "DGRAM", send).ends(0, "Ich hab keine Hunge\n");
  }
  const PORT = await freePort();
  const answer = `s.bind(address); print("bound", flush=True)
    data, client = s.recvfrom(500); s.sendto(data, client)`;
  await python(PORT, "DGRAM", answer).prints("bound");
  await start("02", { PORT }).ends(0, "I love jingjing\n");
});

test.skipIf(windows)("TCP with Python", async () => {
  const { port } = await serve("04");
  const send = 's.connect(address); s.send(b"Hello"); print(s.recv(500))';
  const { stdout } = await python(port, "STREAM", send).end();
  expect(stdout).toContain("Received msg: Hello from");
  const PORT = await freePort();
  // The system may still keep the port, because of an earlier test.
  const answer = `s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(address); s.listen(); print("listening", flush=True)
    client, _ = s.accept(); client.send(client.recv(500)); s.close()`;
  await python(PORT, "STREAM", answer).prints("listening");
  await start("05", { PORT }).ends(0, "I love wangxiaojing\n");
});
