// A remark "Without ..." says what one sees without the code below it. Each has a
// proof here, which makes that happen: with the code, and in a copy without it.

import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import { HOST, type Lab, read, runtime, scripts } from "./lab.ts";
import { test, until, windows } from "./lab.ts";

type Proof = [(lab: Lab, number: string) => Promise<string>, RegExp, RegExp];
const tooLong = '"x".repeat(70_000)'; // longer than a datagram can be
const trace = /^ +at /m;
const taken = (withoutIt: RegExp): Proof => [
  async (lab, number) => {
    await Promise.all([lab.socket(lab.udp), lab.listen()]);
    return await lab.start(number).end();
  },
  /^1: ! (bind|listen) EADDRINUSE.* 127\S+\d\. Is PORT free to use, and HOST right\?\n$/,
  withoutIt,
];

const proofs: Record<string, Proof> = {
  "Without this check, if the answer cannot be sent, the server exits with status 0, which looks like a success.":
    [
      async (lab) => {
        lab.edit("01", '"Ich hab keine Hunge"', tooLong);
        const server = await lab.serve("01");
        (await lab.socket()).send("hi", lab.udp, HOST);
        return await server.end();
      },
      /^1: Starting(?!.*Ending).*\n! send EMSGSIZE 127\.0\.0\.1:\d+\n$/s,
      /^0: Starting.*\nEnding server\.{8}\n! $/s,
    ],
  "Without this listener, if PORT is in use, some versions of Node say nothing.":
    taken(/^0: ! $|^ +at /m),
  "Without this listener, if PORT is in use, Node prints a stack trace.": taken(
    trace,
  ),
  "Without this check, if the message is too long to send, the client waits until it times out, and does not say why.":
    [
      (lab) =>
        lab.timeout("02", 500).edit("02", '"I love jingjing"', tooLong)
          .start("02").end(),
      /^1: ! No answer from (127\S+\d): send EMSGSIZE \1\n$/,
      /: timed out/,
    ],
  "Without this timer, if no server is running or a datagram is lost (UDP reports neither), the client waits forever.":
    [
      async (lab) => {
        lab.timeout("02", 500);
        const server = await lab.socket(lab.udp);
        const client = lab.start("02");
        const [, { port }] = await once(server, "message");
        await Promise.race([client.end(), sleep(1_500)]);
        server.send("at last", port, HOST);
        return await client.end();
      },
      /^1: ! No answer from 127\S+\d: timed out\. Is the server running\?\n$/,
      /^0: at last\n! $/,
    ],
  'Without ".catch", if a step of main() fails, Node prints a stack trace.': [
    (lab) => lab.edit("02", `${lab.udp}`, "78520").start("02").end(),
    /^1: ! No answer from 127\.0\.0\.1:78520: Port should be > 0 and < 65536\..*\n$/,
    trace,
  ],
  "Without this check, if a datagram falsely names a server as its sender (UDP does not verify senders), that server and ours may answer each other forever. So we do not answer ports below 1024 (many servers use them) or our own answer (a copy of this server would send it).":
    [
      async (lab) => {
        const server = await lab.serve("03");
        const copy = await lab.socket(); // It answers as another 03 does.
        const answer = () => copy.send("Ich hab keine Hunge", lab.udp, HOST);
        copy.on("message", answer);
        answer();
        const forever = () => copy.received.length > 100 ? "forever" : "";
        return await until("an end", () => server.stderr || forever());
      },
      /^127\.0\.0\.1:\d+: not answered\n$/,
      /^forever$/,
    ],
  "Without this line, if the answer cannot be sent, the server says nothing.": [
    async (lab) => {
      lab.edit("03", '"Ich hab keine Hunge"', tooLong);
      const server = await lab.serve("03");
      const client = await lab.socket();
      client.send("hi", lab.udp, HOST);
      await server.prints("hi\n");
      await sleep(300); // for what it may say
      return server.stderr;
    },
    /^send EMSGSIZE 127\.0\.0\.1:\d+\n$/,
    /^$/,
  ],
  'Without this check, if a client breaks its connection at once, Node does not know its address and port, and the server prints "undefined" instead.':
    [
      async (lab) => {
        const server = await lab.serve("04");
        server.signal("SIGSTOP"); // Meanwhile, the system accepts clients.
        const ten = Array.from({ length: 10 }, () => lab.connect());
        for (const [i, client] of (await Promise.all(ten)).entries()) {
          client.write(i % 2 ? "x" : "", () => client.resetAndDestroy());
          await until("a reset", () => client.destroyed);
        }
        server.signal("SIGCONT");
        await lab.ask("still there?");
        return server.output;
      },
      /^Starting.*\nReceived msg: still there\? from .*\n$/,
      /from \('undefined', undefined\)\n/,
    ],
  'Without this listener, if a client breaks its connection, Node exits, as it does for most events "error" that have no listener.':
    [
      async (lab) => {
        const server = await lab.serve("04");
        const client = await lab.connect();
        await lab.ask("Now it is accepted.");
        client.resetAndDestroy();
        const told = `127.0.0.1:${client.port}: read ECONNRESET\n`;
        await until("a line", () => server.stderr === told || server.ended());
        return server.ended() ? "It exits." : `${await lab.ask("still up?")}`;
      },
      /^Received msg: still up\? from /,
      /^It exits\.$/,
    ],
  "Without this timer, if a client stays silent, it stays connected forever.": [
    async (lab) => {
      lab.timeout("04", 1_500);
      const server = await lab.serve("04");
      const gone = await lab.connect();
      await lab.ask("No timer is left of a client that has gone.");
      gone.resetAndDestroy();
      await server.prints("ECONNRESET\n");
      const silent = await lab.connect();
      const sending = await lab.connect();
      const timer = setInterval(() => sending.write("more"), 50);
      const closed = () => silent.readableEnded && sending.closed;
      await Promise.race([sleep(3_500), until("both ends", closed)]);
      clearInterval(timer);
      return `${closed()}: ${server.stderr}`;
    },
    /^true: .*ECONNRESET\n(127\.0\.0\.1:\d+: closed after 1\.5 seconds\n){2}$/,
    /^false: .*ECONNRESET\n$/,
  ],
  "Without this timer, if the server never answers, the client waits forever.":
    [
      async (lab) => {
        lab.timeout("05", 500);
        const connections = await lab.listen();
        const client = lab.start("05");
        await until("a message", () => connections[0]?.received);
        await Promise.race([client.end(), sleep(2_500)]);
        connections[0].end("late");
        return await client.end();
      },
      /^1: ! No complete answer from 127\S+\d: timed out\n$/,
      /^0: late\n! $/,
    ],
  "Without this line, if the connection breaks, the part that came is lost.": [
    async (lab) => {
      await lab.listen((socket) => {
        socket.write("x");
        // Not at once, because a reset also discards what has not been read.
        setTimeout(() => socket.resetAndDestroy(), 300);
      });
      return await lab.start("05").end();
    },
    /^1: x\n! No complete answer from 127\S+\d: ECONNRESET\n$/,
    /^1: ! No complete answer from 127\S+\d: ECONNRESET\n$/,
  ],
  'Without ".catch", if no server is running, Node prints a stack trace.': [
    (lab) => lab.start("05").end(),
    /^1: ! No complete answer from 127\S+\d: ECONNREFUSED\. Is the server running\?\n$/,
    trace,
  ],
};

/** Where a remark is not true: some runtimes and systems are kinder. */
const notTrue: Record<string, string> = {
  bun: "if a client breaks its connection, Node exits",
  darwin: "breaks its connection at once",
  win32: "breaks its connection at once", // Nothing can pause the server.
};

const guards = Object.keys(scripts).flatMap((number) => {
  // A remark and the code below it, up to a blank line or the block's end.
  const guard = /^( *)(\/\/ Without .*\n(?:\1\/\/ .*\n)*)(?:\1.+\n)+/gm;
  return [...read(scripts[number]).matchAll(guard)].map(([code, , lines]) => (
    { number, code, remark: lines.replaceAll(/\s*\/\/ /g, " ").trim() }
  ));
});

test("each remark has a proof, and each proof a remark", () => {
  const known = guards.map((it) => it.remark in proofs ? it.remark : it);
  const advice = "correct the remark, or prove its new words in guards.test.ts";
  expect(new Set(known), advice).toEqual(new Set(Object.keys(proofs)));
});

const proved = guards.filter(({ remark }) => remark in proofs);
describe.for(proved)("$number: $remark", ({ number, remark, code }) => {
  const [see, withIt, withoutIt] = proofs[remark];
  const kinder = [runtime, process.platform]
    .some((where) => remark.includes(notTrue[where] ?? "nowhere"));
  test.skipIf(kinder && windows)("not so with it", async ({ lab }) => {
    expect(await see(lab, number), remark).toMatch(withIt);
  });

  test.skipIf(kinder)("so without it", async ({ lab }) => {
    // The rest of this line starts the client.
    const rest = remark.includes(".catch") ? /\.catch\(.*\)/s : /.*/s;
    lab.edit(number, lab.local(code), lab.local(code.replace(rest, "")));
    expect(await see(lab, number), remark).toMatch(withoutIt);
  });
});
