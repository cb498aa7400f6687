// What the scripts print and send, whatever the other end does.

import type net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { expect } from "vitest";
import { HOST, type Lab, macOS, OTHER_HOST, read, runtime } from "./lab.ts";
import { scripts, short, test, until, windows } from "./lab.ts";

test("02, 04 and 05 have the limits that the pages name", () => {
  const limit = (number: string) =>
    read(scripts[number]).match(/TIMEOUT = (.*);/)?.[1];
  expect(["02", "04", "05"].map(limit)).toEqual(["5_000", "30_000", "10_000"]);
});

/** Messages for a receiver that takes up to limit bytes, and what it prints. */
const messages = (limit: number): Record<string, [Buffer, string]> => {
  const x = "x".repeat(limit - 1);
  return {
    "no byte": [Buffer.alloc(0), ""],
    "white space": [Buffer.from("\n 我 ❤️ 你 \n"), "\n 我 ❤️ 你 \n"],
    "no UTF-8": [Buffer.from([0x61, 0xff, 0x62]), "a�b"],
    "a character cut at the limit": [Buffer.from(`${x}我`), `${x}�`],
    "no more than its limit": [Buffer.from(`${x} yz`), `${x} `],
  };
};
const upTo500 = messages(500);
const ANSWER = "Ich hab keine Hunge";

test.for(Object.keys(upTo500))("01 prints %s", async (what, { lab }) => {
  const [data, text] = upTo500[what];
  // It closes late. With "on" in place of "once", it would answer twice.
  lab.edit("01", "socket.close(", "setTimeout((f) => socket.close(f), 200, ");
  const server = await lab.serve("01");
  const client = await lab.socket(0, OTHER_HOST);
  for (const message of [data, "2nd"]) client.send(message, lab.udp, HOST);
  const bytes = inspect(data.subarray(0, 500));
  const lines = [bytes, "Buffer", "string", text, "Ending server........", ""];
  await server.ends(0, `Starting server.........\n${lines.join("\n")}`);
  client.send("no more", client.port, OTHER_HOST);
  await until("no more", () => client.received.includes("no more"));
  expect(client.received).toEqual([ANSWER, "no more"]);
});

/** Sends a message to 03, and returns the answer. */
async function ask(lab: Lab, message: string | Buffer) {
  const socket = await lab.socket(0, OTHER_HOST);
  socket.send(message, lab.udp, HOST);
  return await until(`an answer at ${OTHER_HOST}`, () => socket.received[0]);
}

test("03 prints and answers each message", async ({ lab }) => {
  const server = await lab.serve("03");
  const longest = "x".repeat(macOS ? 9_216 : 65_507); // that systems send
  const texts = [` ${ANSWER} `, `${ANSWER}!`, longest];
  const more = texts.map((text) => [text, text.slice(0, 500)]);
  let printed = server.stdout;
  for (const [data, text] of [...Object.values(upTo500), ...more]) {
    expect(await ask(lab, data)).toBe(ANSWER);
    printed += `${text}\n`;
  }
  expect([short(server.stdout), server.stderr]).toEqual([short(printed), ""]);
});

test("03 answers no server, and survives its errors", async ({ lab }) => {
  // Only root can send such datagrams, and only Bun reports such an error.
  const line = (port: number) =>
    `socket.emit("message", Buffer.from("hi"), {
      address: "${HOST}", port: ${port}, family: "IPv4", size: 2 });
     socket.emit("error", new Error("recvmsg EFAIL"));`;
  const lines = [0, 7, 1_023, 1_024].map(line).join("");
  lab.edit("03", /$/, `\nsocket.on("listening", () => { ${lines} });`);
  const server = await lab.serve("03");
  const copy = await lab.socket(); // It sends what another 03 would.
  copy.send(ANSWER, lab.udp, HOST);
  await server.prints(`${copy.port}: not answered\n`);
  expect(await ask(lab, "still there?")).toBe(ANSWER);
  const not = (port: number) => `${HOST}:${port}: not answered`;
  const each = [0, 7, 1_023].flatMap((port) => [not(port), "recvmsg EFAIL"]);
  expect(server.stderr.match(/.*: not answered|recvmsg EFAIL/g))
    .toEqual([...each, "recvmsg EFAIL", not(copy.port)]);
  expect(copy.received).toEqual([]);
  expect(server.stdout, "prints all").toContain(`\n${ANSWER}\nstill there?\n`);
});

test.skipIf(windows)("03 and 04 end on SIGTERM", async ({ lab }) => {
  for (const number of ["03", "04"]) {
    const server = await lab.serve(number);
    server.signal("SIGTERM");
    expect(await server.end(), number).toMatch(/^0: Starting.*\nEnding.*\n! $/);
  }
});

/** Sends a message to 04, checks the answer, and returns its line. */
async function line(lab: Lab, data: string | Buffer, text = data, from = HOST) {
  const [answer, port] = await lab.ask(data, from);
  expect(answer).toBe(`Received msg: ${text} from ('${from}', ${port})`);
  return `${answer}\n`;
}

test("04 prints and answers each message", async ({ lab }) => {
  const server = await lab.serve("04");
  let printed = server.stdout + await line(lab, "hi", "hi", OTHER_HOST);
  // TCP cannot send a message of no bytes.
  for (const [data, text] of Object.values(upTo500).slice(1)) {
    printed += await line(lab, data, text);
  }
  printed += await line(lab, "x".repeat(1_000_000), "x".repeat(500));
  expect([short(server.stdout), server.stderr]).toEqual([short(printed), ""]);
});

test("04 answers one piece", async ({ lab }) => {
  const server = await lab.serve("04");
  const client = await lab.connect();
  const silent = await lab.connect();
  client.write("a");
  await until("the end of the answer", () => client.readableEnded);
  client.write("b");
  for (const socket of [client, silent]) socket.end();
  await until("both ends", () => client.closed && silent.closed);
  expect(client.errored ?? silent.errored).toBeNull();
  expect(server.stdout).toMatch(/^Starting .*\nReceived msg: a from .*\n$/);
  expect(server.stderr).toBe("");
});

test("04 answers while 250 clients are silent and one sends", async ({ lab }) => {
  await lab.serve("04");
  const clients = Array.from({ length: 250 }, () => lab.connect());
  const [silent] = await Promise.all(clients);
  const sending = await lab.connect();
  sending.write(Buffer.alloc(50_000_000)); // It does not end soon.
  await until("the first answer", () => sending.readableEnded);
  for (let i = 0; i < 20; i++) await line(lab, `${i}`);
  silent.write("at last");
  await until("the last answer", () => silent.received.includes("at last"));
});

test.skipIf(windows)("04 keeps running without free files", async ({ lab }) => {
  const limit = ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh"];
  const server = await lab.serve("04", ...limit);
  const crowd = Array.from({ length: 100 }, () => lab.connect());
  const clients = await Promise.all(crowd);
  const [first] = clients;
  first.write("I was first");
  await until("an answer", () => first.received);
  for (const client of clients) client.end();
  if (runtime !== "deno") { // Deno never accepts again.
    await until("all ends", () => clients.every(({ closed }) => closed));
    await line(lab, "still there?");
  }
  expect(server.stderr).not.toContain(HOST); // Deno may warn of its own files.
});

const UDP = "I love jingjing";
const TCP = "I love wangxiaojing";
test.for<[number: string, what: string, args: string[], sent: string]>([
  ["02", "no byte", [], UDP],
  ["02", "white space", [], UDP],
  ["02", "no UTF-8", ["Hello", "ignored"], "Hello"],
  ["02", "a character cut at the limit", [" 我 ❤️ "], " 我 ❤️ "],
  ["02", "no more than its limit", [""], ""],
  ["05", "white space", [], TCP],
  ["05", "no UTF-8", ["Hello", "ignored"], "Hello"],
  ["05", "a character cut at the limit", [""], TCP],
  ["05", "no more than its limit", ["x".repeat(999)], "x".repeat(999)],
])("%s sends its message, and prints %s", async (row, { lab }) => {
  const [number, what, args, sent] = row;
  const [data, text] = messages(number === "02" ? 200 : 500)[what];
  lab.timeout(number, 5_000).edit(number, `"${HOST}"`, `"${OTHER_HOST}"`);
  const server = await lab.socket(lab.udp, OTHER_HOST);
  server.on("message", (_, { port, address }) => {
    for (const answer of [data, "2nd"]) server.send(answer, port, address);
  });
  const clients = await lab.listen(
    (socket) => data.length > 500 ? socket.write(data) : socket.end(data),
    OTHER_HOST,
  );
  await lab.start(number, ...args).ends(0, `${text}\n`);
  await until("an end", () => clients.every((it) => it.readableEnded));
  const received = [...server.received, ...clients.map((it) => it.received)];
  expect(received, "what it has sent").toEqual([sent]);
});

test.for<[string, string, ((socket: net.Socket) => unknown)?]>([
  ["is not there", "ECONNREFUSED. Is the server running?"],
  ["closes", "connection closed", (socket) => socket.end()],
  ["resets", "ECONNRESET", (socket) => socket.resetAndDestroy()],
  ["sends on and on", "timed out", async (socket) => {
    while (!socket.destroyed) await sleep(50, socket.write("x"));
  }],
])("05 says that the server %s", async ([, cause, act], { lab }) => {
  lab.timeout("05", 1_500).edit("05", `"${HOST}"`, '"localhost"');
  if (act) await lab.listen(act);
  const client = lab.start("05");
  expect(await client.end())
    .toMatch(/^1: (x+\n)?! No complete answer from .*$/m);
  expect(client.stderr).toContain(`localhost:${lab.tcp}: ${cause}\n`);
});

// A pause after the answer is no failure. A mistake in a script shows its line.
const memory = "new Int32Array(new SharedArrayBuffer(4))";
const pause = `Atomics.wait(${memory}, 0, 0, 3_500);`;
test.for<[number: string, part: string, by: string, output: RegExp]>([
  ["02", "const data", `${pause} const data`, /^0: x\n! $/],
  ["05", "console.log", `${pause} console.log`, /^0: x\n! $/],
  ["02", "Buffer.from(m", "Buffer.frm(m", /^1: [^]*Buffer\.frm [^]*02\S+ts:\d/],
  ["05", "events.once", "events.onec", /^1: [^]*\.onec [^]*05\S+ts:\d/],
  ["05", "Buffer.concat", "Buffer.concta", /^1: [^]*Buffer\.concta /],
])("%s with %j as %j", async ([number, part, by, output], { lab }) => {
  lab.timeout(number, 3_000).edit(number, part, by);
  const server = await lab.socket(lab.udp);
  server.on("message", (_, { port }) => server.send("x", port, HOST));
  await lab.listen((socket) => socket.end("x"));
  expect(await lab.start(number).end()).toMatch(output);
});

// The guide says that the programs of the chapter can talk to these scripts.
test.skipIf(windows)("all talk with Python's sockets", async ({ lab }) => {
  const python = (code: string) =>
    lab.run("python3", "-c", lab.local(`from socket import *${code}`));
  await lab.serve("01");
  const server = await lab.serve("04");
  await python(`
udp = socket(AF_INET, SOCK_DGRAM)
udp.sendto(b"Hello", ("127.0.0.1", 7852)); print(udp.recv(200).decode())
tcp = create_connection(("127.0.0.1", 8998))
tcp.send(b"Hello"); print(tcp.recv(500).decode()[:24])`)
    .ends(0, `${ANSWER}\nReceived msg: Hello from\n`);
  await server.kill();
  await python(`
udp = socket(AF_INET, SOCK_DGRAM); udp.bind(("127.0.0.1", 7852))
tcp = create_server(("127.0.0.1", 8998)); print("bound", flush=True)
data, client = udp.recvfrom(500); udp.sendto(data, client)
client, _ = tcp.accept(); client.send(client.recv(500))`).prints("bound");
  await lab.start("02").ends(0, `${UDP}\n`);
  await lab.start("05").ends(0, `${TCP}\n`);
});
