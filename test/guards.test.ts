// Every remark "Without ..." in a script says what one sees without the code below
// it. Each has a proof here: it makes happen what the remark names, and tells what
// is seen with that code, and in a copy of the script without it.

import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import { HOST, type Lab, names, read, runtime, test, until } from "./lab.ts";

interface Proof {
  see: (lab: Lab, number: string) => Promise<unknown>;
  with: RegExp;
  without: RegExp;
}

/** The status of a script, and all that it has printed. */
async function end(lab: Lab, number: string) {
  const { status, stdout, stderr } = await lab.start(number).end();
  return `${status}: ${stdout}${stderr}`;
}

const tooLong = '"x".repeat(70_000)'; // longer than a datagram can be

const proofs: Record<string, Proof> = {
  "Without this listener, if another program is using the port, you get no clear message.":
    {
      see: async (lab, number) => {
        await lab.socket(lab.udp);
        await lab.listen();
        return await end(lab, number);
      },
      with:
        /^1: (bind|listen) EADDRINUSE.* 127[.0-9:]+\. Is another server running\?\n$/,
      without: /^0: $|^ +at /m,
    },

  "Without this check, if the answer cannot be sent, the server exits as if it were sent (status 0).":
    {
      see: async (lab) => {
        lab.edit("01", '"Ich hab keine Hunge"', tooLong);
        const server = await lab.serve("01");
        (await lab.socket()).send("hi", lab.udp, HOST);
        const { status, stdout, stderr } = await server.end();
        return [status, stdout.split("\n").at(-2), stderr].join(" ");
      },
      with: /^1 Ending server\.{8} send EMSGSIZE 127\.0\.0\.1:\d+\n$/,
      without: /^0 Ending server\.{8} $/,
    },

  "Without this check, if the message is too long to send, the client waits for an answer in vain.":
    {
      see: async (lab) => {
        lab.timeout("02", 500);
        lab.edit("02", '"I love jingjing"', tooLong);
        return await end(lab, "02");
      },
      with: /^1: No answer from (127[.0-9:]+): send EMSGSIZE \1\n$/,
      without: /: timed out/,
    },

  "Without this timer, if no server is running, the client waits forever.": {
    see: async (lab) => {
      lab.timeout("02", 500);
      const server = await lab.socket(lab.udp);
      const client = lab.start("02");
      const port = await until("a message", () => server.senders[0]);
      const start = Date.now();
      await Promise.race([client.end(), sleep(1_500)]);
      expect(Date.now() - start).toBeGreaterThan(300);
      server.send("at last", port, HOST);
      await client.end();
      return `${client.status}: ${client.output}`;
    },
    with:
      /^1: No answer from 127[.0-9:]+: timed out\. Is the server running\?\n$/,
    without: /^0: at last\n$/,
  },

  'Without ".catch", if PORT is too high (78520), Node prints a stack trace.': {
    see: async (lab) => {
      lab.edit("02", `PORT = ${lab.udp}`, "PORT = 78520");
      return await end(lab, "02");
    },
    with: /^1: No answer from 127\.0\.0\.1:78520: ERR_SOCKET_BAD_PORT\n$/,
    without: /^ +at /m,
  },

  "Without this check, if a datagram falsely names another server as its sender, the two servers answer each other forever. So we answer no port below 1024 (many servers use one) and no copy of 03 (it sends our answer).":
    {
      see: async (lab) => {
        const server = await lab.serve("03");
        const copy = await lab.socket(); // It answers as another 03 does.
        const answer = () => copy.send("Ich hab keine Hunge", lab.udp, HOST);
        copy.on("message", answer);
        answer();
        const { received } = copy;
        const forever = () => received.length > 100 && "They do not stop.";
        return await until("an end", () => server.stderr || forever());
      },
      with: /^127\.0\.0\.1:\d+: not answered\n$/,
      without: /^They do not stop\.$/,
    },

  "Without this line, if the answer cannot be sent, the server says nothing.": {
    see: async (lab) => {
      lab.edit("03", '"Ich hab keine Hunge"', tooLong);
      const server = await lab.serve("03");
      const client = await lab.socket();
      for (const message of ["first", "second"]) {
        client.send(message, lab.udp, HOST);
        await server.prints(`${message}\n`);
        await sleep(200); // for what it may say
      }
      return server.stderr;
    },
    with: /^(send EMSGSIZE 127\.0\.0\.1:\d+\n){2}$/,
    without: /^$/,
  },

  'Without this check, if a client breaks its connection before Node accepts it, the server prints "undefined" as the client\'s address and port.':
    {
      see: async (lab) => {
        const server = await lab.serve("04");
        server.signal("SIGSTOP"); // Meanwhile, the system accepts clients.
        for (let i = 0; i < 10; i++) {
          const { socket } = await lab.connect();
          socket.write("x", () => socket.resetAndDestroy());
          await until("a reset", () => socket.destroyed);
        }
        server.signal("SIGCONT");
        await lab.ask("still there?");
        return server.output;
      },
      with: /^Starting.*\nReceived msg: still there\? from .*\n$/,
      without: /from \('undefined', undefined\)\n/,
    },

  "Without this listener, if a client breaks its connection, the server exits.":
    {
      see: async (lab) => {
        const server = await lab.serve("04");
        const { socket, port } = await lab.connect();
        await lab.ask("Now it is accepted.");
        socket.resetAndDestroy();
        const told = `127.0.0.1:${port}: read ECONNRESET\n`;
        const ended = () => server.status !== undefined;
        await until("a line", () => server.stderr === told || ended());
        return ended() ? "It exits." : (await lab.ask("still there?"))[0];
      },
      with: /^Received msg: still there\? from /,
      without: /^It exits\.$/,
    },

  "Without this timer, if a client stays silent, it stays connected forever.": {
    see: async (lab) => {
      lab.timeout("04", 1_500);
      const server = await lab.serve("04");
      const silent = await lab.connect();
      const sending = await lab.connect();
      const timer = setInterval(() => sending.socket.write("more"), 50);
      const start = Date.now();
      await Promise.race([
        sleep(3_500),
        until("both ends", () => silent.ended && sending.closed),
      ]);
      clearInterval(timer);
      const late = Date.now() - start > 1_400;
      return [late, silent.ended, sending.closed, server.stderr].join();
    },
    with: /^true,true,true,(127\.0\.0\.1:\d+: closed after 1\.5 seconds\n){2}$/,
    without: /^true,false,false,$/,
  },

  "Without this timer, if the server never answers, the client waits forever.":
    {
      see: async (lab) => {
        lab.timeout("05", 500);
        const connections = await lab.listen();
        const client = lab.start("05");
        await until("a message", () => connections[0]?.received);
        await Promise.race([client.end(), sleep(1_500)]);
        connections[0].socket.end("late");
        await client.end();
        return `${client.status}: ${client.output}`;
      },
      with: /^1: No complete answer from 127[.0-9:]+: timed out\n$/,
      without: /^0: late\n$/,
    },

  "Without this line, if the connection breaks, you do not see what has come.":
    {
      see: async (lab) => {
        await lab.listen((socket) => {
          socket.write("x");
          // Not at once, because a reset also discards what has not been read.
          setTimeout(() => socket.resetAndDestroy(), 300);
        });
        return await end(lab, "05");
      },
      with: /^1: x\nNo complete answer from 127[.0-9:]+: ECONNRESET\n$/,
      without: /^1: No complete answer from 127[.0-9:]+: ECONNRESET\n$/,
    },

  'Without ".catch", if no server is running, Node prints a stack trace.': {
    see: (lab) => end(lab, "05"),
    with:
      /^1: No complete answer from 127[.0-9:]+: ECONNREFUSED\. Is the server running\?\n$/,
    without: /^ +at /m,
  },
};

/** Where a remark is not true: some runtimes and systems are kinder. */
const notTrue: Record<string, string[]> = {
  "if a client breaks its connection, the server exits": ["bun"],
  // It pauses the server, which Windows cannot do. macOS drops such clients.
  "if a client breaks its connection before Node accepts it": [
    "win32",
    "darwin",
  ],
};

const guards = Object.keys(names).flatMap((number) => {
  // A guard is a remark and the code below it, up to a blank line or the end of
  // the block, which is indented less.
  const guard = /^( *)\/\/ Without .*\n(?:\1.+\n)+/gm;
  const script = read(`scripts/${names[number]}`);
  return [...script.matchAll(guard)].map(([code, indent]) => {
    const [lines] = RegExp(`^(?:${indent}// .*\n)+`).exec(code) ?? [""];
    const remark = lines.replaceAll(/\s*\/\/ /g, " ").trim();
    const skip = Object.entries(notTrue)
      .filter(([words]) => remark.includes(words)).flatMap(([, all]) => all)
      .some((name) => name === runtime || name === process.platform);
    return { number, remark, code, skip, name: `${number}: ${remark}` };
  });
});

test("each remark has a proof, and each proof a remark", () => {
  const remarks = new Set(guards.map(({ remark }) => remark));
  const advice = "Write a proof with the words of the remark in guards.test.ts";
  expect([...remarks].sort(), advice).toEqual(Object.keys(proofs).sort());
});

const proved = guards.filter(({ remark }) => remark in proofs);
describe.for(proved)("$name", ({ number, remark, code, skip }) => {
  const proof = proofs[remark];

  test("not so with it", async ({ lab }) => {
    expect(await proof.see(lab, number)).toMatch(proof.with);
  });

  test.skipIf(skip)("so without it", async ({ lab }) => {
    // The rest of this line starts the client.
    const rest = remark.includes(".catch") ? /\.catch\(.*\)/s : /.*/s;
    lab.edit(number, lab.local(code), lab.local(code.replace(rest, "")));
    expect(await proof.see(lab, number)).toMatch(proof.without);
  });
});
