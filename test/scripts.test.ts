// What the scripts print and send, whatever the other end does.

import { once } from "node:events";
import net from "node:net";
import { inspect } from "node:util";
import { describe, expect } from "vitest";
import { HOST, type Lab, macOS, names, OTHER_HOST, read } from "./lab.ts";
import { runtime, test, until, windows } from "./lab.ts";

type Message = [name: string, data: Buffer, text: string];

/** Messages for a receiver that takes up to limit bytes, and what it prints. */
const messages = (limit: number): Message[] => {
  const x = "x".repeat(limit - 1);
  return [
    ["no bytes", Buffer.alloc(0), ""],
    ["white space", Buffer.from("\n 我 ❤️ 你 \n"), "\n 我 ❤️ 你 \n"],
    ["invalid UTF-8", Buffer.from([0x61, 0xff, 0x62]), "a�b"],
    ["too many bytes", Buffer.from(`${x} yz`), `${x} `],
    ["a character cut by the limit", Buffer.from(`${x}我`), `${x}�`],
  ];
};

const ANSWER = "Ich hab keine Hunge";
const STARTING = "Starting server.........\n";
const ENDING = "Ending server........\n";

/** A pause of a second, as in a debugger. */
const pause = "for (const t = Date.now(); Date.now() - t < 1_000;);";

/** Sends a message to a UDP server, and returns the answer. */
async function ask(lab: Lab, message: string | Buffer) {
  const socket = await lab.socket();
  socket.send(message, lab.udp, HOST);
  return await until("an answer", () => socket.received[0]);
}

test.for(messages(500))("01 answers %s", async ([, data, text], { lab }) => {
  const server = await lab.serve("01");
  const client = await lab.socket();
  for (const message of [data, "2nd"]) client.send(message, lab.udp, HOST);
  const lines = [inspect(data.subarray(0, 500)), "Buffer", "string", text];
  await server.ends(0, `${STARTING}${lines.join("\n")}\n${ENDING}`);
  await until("an answer", () => client.received.length);
  expect(client.received).toEqual([ANSWER]);
});

test("03 prints and answers each message, at HOST only", async ({ lab }) => {
  const server = await lab.serve("03");
  if (!macOS) (await lab.socket(0, OTHER_HOST)).send("x", lab.udp, OTHER_HOST);
  // macOS sends no more, unless it is told to.
  const long = "x".repeat(macOS ? 9_216 : 65_507);
  let printed = STARTING;
  for (const [, data, text] of messages(500)) {
    expect(await ask(lab, data)).toBe(ANSWER);
    printed += `${text}\n`;
  }
  for (const text of [long, ` ${ANSWER} `, `${ANSWER}!`]) {
    expect(await ask(lab, text)).toBe(ANSWER);
    printed += `${text.slice(0, 500)}\n`;
  }
  expect([server.stdout, server.stderr]).toEqual([printed, ""]);
});

test("03 does not answer servers", async ({ lab }) => {
  // The lines make up datagrams: only root can send them.
  const fakes = [0, 7, 1_023, 1_024].map((port) =>
    `\nsocket.on("listening", () => socket.emit("message", Buffer.from("hi"), {
      address: "${HOST}", port: ${port}, family: "IPv4", size: 2 }));`
  );
  lab.edit("03", /$/, fakes.join(""));
  const server = await lab.serve("03");
  const copy = await lab.socket();
  copy.send(ANSWER, lab.udp, HOST);
  await server.prints(`${ANSWER}\n`);
  expect(await ask(lab, "still there?")).toBe(ANSWER);
  const refused = [0, 7, 1_023, copy.port]
    .map((port) => `${HOST}:${port}: not answered\n`).join("");
  await until("a line for each", () => server.stderr.length >= refused.length);
  expect([server.stderr, copy.received]).toEqual([refused, []]);
});

test("03 keeps running when it cannot receive", async ({ lab }) => {
  const line = 'socket.emit("error", new Error("recvmsg EFAIL"));';
  lab.edit("03", /$/, `\nsocket.on("listening", () => { ${line} ${line} });`);
  const server = await lab.serve("03");
  await server.prints("recvmsg EFAIL\nrecvmsg EFAIL\n", "stderr");
  expect(await ask(lab, "still there?")).toBe(ANSWER);
});

const signals = [
  ["03", ENDING, "SIGTERM"],
  ["04", "Ending tcp server.......\n", "SIGTERM"],
  // It is paused, so that both signals are there before it can exit.
  ["03", ENDING, "SIGSTOP", "SIGINT", "SIGTERM", "SIGCONT"],
];
test.skipIf(windows).for(signals)(
  "%s prints %j on %s",
  async (row, { lab }) => {
    const [number, ending, ...names] = row;
    const server = await lab.serve(number);
    const starting = server.stdout;
    server.signal(...names as NodeJS.Signals[]);
    await server.ends(0, starting + ending);
  },
);

test.for<[args: string[], message: string, Message]>([
  [[], "I love jingjing", messages(200)[1]],
  [["Hello", "ignored"], "Hello", messages(200)[2]],
  [[" 我 ❤️ "], " 我 ❤️ ", messages(200)[3]],
  [[""], "", messages(200)[4]],
  [[], "I love jingjing", messages(200)[0]],
])("02 with %j sends %j, and prints %s", async (row, { lab }) => {
  const [args, message, [, data, text]] = row;
  const server = await lab.socket(lab.udp);
  const client = lab.start("02", ...args);
  const port = await until("its message", () => server.senders[0]);
  for (const answer of [data, "2nd"]) server.send(answer, port, HOST);
  await client.ends(0, `${text}\n`);
  expect(server.received).toEqual([message]);
});

const answerTo = (message: string, port: unknown, host = HOST) =>
  `Received msg: ${message} from ('${host}', ${port})`;

/** Sends a message to 04, checks the answer, and returns its line. */
async function answers(lab: Lab, data: string | Buffer, text = `${data}`) {
  const [answer, port] = await lab.ask(data);
  expect(answer).toBe(answerTo(text, port));
  return `${answer}\n`;
}

test("04 prints and answers each message, at HOST only", async ({ lab }) => {
  const server = await lab.serve("04");
  let printed = server.stdout;
  // TCP cannot send a message of no bytes.
  for (const [, data, text] of messages(500).slice(1)) {
    printed += await answers(lab, data, text);
  }
  const megabyte = Buffer.alloc(1_000_000, "x");
  printed += await answers(lab, megabyte, "x".repeat(500));
  if (!macOS) {
    const connected = once(net.connect(lab.tcp, OTHER_HOST), "connect");
    await expect(connected).rejects.toThrow("ECONNREFUSED");
    const [answer, port] = await lab.ask("hi", OTHER_HOST);
    expect(answer).toBe(answerTo("hi", port, OTHER_HOST));
    printed += `${answer}\n`;
  }
  expect([server.stdout, server.stderr]).toEqual([printed, ""]);
});

test("04 answers one piece, and closes after the client", async ({ lab }) => {
  const server = await lab.serve("04");
  const client = await lab.connect();
  const silent = await lab.connect();
  client.socket.setNoDelay().write("a");
  await until("the end of the answer", () => client.ended);
  for (const byte of "bcd") {
    await new Promise((sent) => client.socket.write(byte, sent));
  }
  for (const { socket } of [client, silent]) socket.end();
  await until("both ends", () => client.closed && silent.closed);
  expect([client.error, silent.error, silent.received]).toEqual(["", "", ""]);
  const printed = `Starting tcp server.......\n${answerTo("a", client.port)}\n`;
  expect(server.output).toBe(printed);
});

test("04 answers while 250 clients are silent and one sends", async ({ lab }) => {
  await lab.serve("04");
  const clients = Array.from({ length: 250 }, () => lab.connect());
  const [silent] = await Promise.all(clients);
  const sending = await lab.connect();
  const send = () => {
    while (sending.socket.write(Buffer.alloc(65_536)));
    sending.socket.once("drain", send);
  };
  send();
  await until("the first answer", () => sending.ended);
  for (let i = 0; i < 20; i++) await answers(lab, `${i}`);
  silent.socket.write("at last");
  await until("the last answer", () => silent.ended);
  expect(silent.received).toBe(answerTo("at last", silent.port));
});

test("04 keeps no timer or connection of old clients", async ({ lab }) => {
  // After this message, it accepts no more, and ends when nothing is left. A
  // timer would last 30 seconds. (On Deno, the signals keep it running.)
  const line = "const message = data.toString();";
  lab.edit("04", line, `${line} if (message === "20") server.close();`);
  lab.edit("04", /^process\.on.*$/m, "");
  const server = await lab.serve("04");
  const { socket, port } = await lab.connect();
  await answers(lab, "Now it is accepted.");
  socket.resetAndDestroy();
  for (let i = 1; i <= 20; i++) await answers(lab, `${i}`);
  const stderr = `${HOST}:${port}: read ECONNRESET\n`;
  expect(await server.end()).toMatchObject({ status: 0, stderr });
});

test.skipIf(windows)("04 keeps running without free files", async ({ lab }) => {
  const server = await lab.serve("04", 64);
  const crowd = Array.from({ length: 100 }, () => lab.connect());
  const clients = await Promise.all(crowd);
  clients[0].socket.write("I was first");
  await until("an answer", () => clients[0].ended);
  expect(clients[0].received).toBe(answerTo("I was first", clients[0].port));
  for (const { socket } of clients) socket.end();
  if (runtime !== "deno") { // Deno never accepts again.
    await until("all ends", () => clients.every(({ closed }) => closed));
    await answers(lab, "still there?");
  }
  expect(server.stderr).toBe("");
});

const failure = (lab: Lab, cause: string, host = HOST) =>
  `No complete answer from ${host}:${lab.tcp}: ${cause}\n`;

const more = ["more", Buffer.alloc(100_000, "x"), "x".repeat(500)] as Message;
const MESSAGE = "I love wangxiaojing";
test.for<[args: string[], message: string, Message]>([
  [[], MESSAGE, messages(500)[1]],
  [["Hello", "ignored"], "Hello", messages(500)[2]],
  [[""], MESSAGE, messages(500)[3]],
  [["x".repeat(9_000)], "x".repeat(9_000), messages(500)[4]],
  [[" 我 ❤️ "], " 我 ❤️ ", more],
])("05 with %j sends %j, and prints %s", async (row, { lab }) => {
  const [args, message, [, data, text]] = row;
  const connections = await lab.listen();
  const client = lab.start("05", ...args);
  await until("its message", () => connections[0]?.received === message);
  connections[0].socket.end(data);
  await client.ends(0, `${text}\n`);
  await until("the end of the connection", () => connections[0].closed);
  if (data !== more[1]) expect(connections[0].error).toBe("");
});

test("05 joins pieces up to 500 bytes, and closes", async ({ lab }) => {
  const answer = Buffer.from(`${"x".repeat(497)}我 and more`);
  await lab.listen((socket) => {
    socket.setNoDelay().write(answer.subarray(0, 498)); // within 我
    setTimeout(() => socket.write(answer.subarray(498)), 200);
  });
  await lab.start("05").ends(0, `${"x".repeat(497)}我\n`);
});

test.for<[string, string, (socket: net.Socket) => void]>([
  ["closes", "connection closed", (socket) => socket.end()],
  ["resets", "ECONNRESET", (socket) => socket.resetAndDestroy()],
])("05 says that the server %s", async ([, cause, act], { lab }) => {
  await lab.listen(act);
  await lab.start("05").ends(1, "", failure(lab, cause));
});

test("05 prints what has come when the server does not end", async ({ lab }) => {
  lab.timeout("05", 1_500);
  await lab.listen((socket) => {
    const send = setInterval(() => socket.write("x"), 50);
    socket.on("close", () => clearInterval(send));
  });
  const start = performance.now();
  const { status, stdout, stderr } = await lab.start("05").end();
  const passed = performance.now() - start;
  expect(stderr).toBe(failure(lab, "timed out"));
  expect([status, stdout.replace(/x+/, "x")]).toEqual([1, "x\n"]);
  expect([passed > 1_400, passed < 6_000], `${passed}`).toEqual([true, true]);
});

test("05 asks for the server of a name, too", async ({ lab }) => {
  lab.edit("05", `"${HOST}"`, '"localhost"');
  const cause = "ECONNREFUSED. Is the server running?";
  await lab.start("05").ends(1, "", failure(lab, cause, "localhost"));
});

test.skipIf(macOS)("02 and 05 send to HOST", async ({ lab }) => {
  for (const number of ["02", "05"]) {
    lab.edit(number, `"${HOST}"`, `"${OTHER_HOST}"`);
    lab.start(number);
  }
  const server = await lab.socket(lab.udp, OTHER_HOST);
  const connections = await lab.listen(() => {}, OTHER_HOST);
  const both = () => server.received[0] && connections[0]?.received;
  await until("both messages", both);
});

test.for([
  ["02", "  // 3. Receive"],
  ["02", "  const data ="],
  ["05", "    data ="],
])(
  "%s tells no failure after a pause at %j",
  async ([number, line], { lab }) => {
    lab.timeout(number, 500);
    lab.edit(number, line, `${pause}\n${line}`);
    const server = await lab.socket(lab.udp);
    server.on("message", (_, { port }) => server.send("x", port, HOST));
    await lab.listen((socket) => socket.end("x"));
    await lab.start(number).ends(0, "x\n");
  },
);

test.for([
  ["02", "Buffer.from(message)", "Buffer.frm(message)"],
  ["05", 'once(socket, "close")', 'onec(socket, "close")'],
  ["05", "Buffer.concat", "Buffer.concta"],
])("%s shows the line of a mistake in %s", async (row, { lab }) => {
  const [number, right, wrong] = row;
  lab.edit(number, right, wrong);
  await lab.listen((socket) => socket.end("x"));
  const [before] = lab.source(number).split(wrong);
  const { status, stderr } = await lab.start(number).end();
  expect(status).toBe(1);
  expect(stderr).toContain(`${names[number]}:${before.split("\n").length}:`);
});

// The guide says that the programs of the chapter can talk to these scripts.
// This code does the same as they do. On Windows, Python may have another name.
describe.skipIf(windows)("Python's sockets", () => {
  const python = (lab: Lab, kind: string, port: number, lines: string) => {
    const code = `import socket
      address = ("${HOST}", ${port})
      s = socket.socket(socket.AF_INET, socket.SOCK_${kind})
      s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
      ${lines}`;
    return lab.run("python3", "-c", code.replaceAll(/^ +/gm, ""));
  };

  test("talk UDP with 01 and 02", async ({ lab }) => {
    const server = await lab.serve("01");
    const send = 's.sendto(b"Hello", address); print(s.recv(200).decode())';
    await python(lab, "DGRAM", lab.udp, send).ends(0, `${ANSWER}\n`);
    await server.end();
    const answer = `s.bind(address); print("bound", flush=True)
      data, client = s.recvfrom(500); s.sendto(data, client)`;
    await python(lab, "DGRAM", lab.udp, answer).prints("bound");
    await lab.start("02").ends(0, "I love jingjing\n");
  });

  test("talk TCP with 04 and 05", async ({ lab }) => {
    const server = await lab.serve("04");
    const send = 's.connect(address); s.send(b"Hello"); print(s.recv(500))';
    const { stdout } = await python(lab, "STREAM", lab.tcp, send).end();
    expect(stdout).toContain("Received msg: Hello from");
    await server.kill();
    const answer = `s.bind(address); s.listen(); print("ready", flush=True)
      client, _ = s.accept(); client.send(client.recv(500)); s.close()`;
    await python(lab, "STREAM", lab.tcp, answer).prints("ready");
    await lab.start("05").ends(0, `${MESSAGE}\n`);
  });
});

test("the limits are those that the pages name", () => {
  const limits = ["02", "04", "05"].map((number) =>
    /TIMEOUT = ([\d_]+);/.exec(read(`scripts/${names[number]}`))?.[1]
  );
  expect(limits).toEqual(["5_000", "30_000", "10_000"]);
});
