import { once } from "node:events";
import type net from "node:net";
import { describe, expect, test } from "vitest";
import { cause, client, lines, noAnswer, taken, tcp } from "./expected.ts";
import {
  HOST,
  TCP_PORT,
  tcpAsk,
  tcpConnect,
  type TcpPeer,
  tcpReady,
  tcpServer,
} from "./peer.ts";
import {
  asTyped,
  copy,
  direct,
  folder,
  folders,
  lostOutputs,
  run,
  runExhausted,
  runtime,
  serve,
  windows,
} from "./program.ts";

const SERVER = "04-tcp-server.ts";
const CLIENT = "05-tcp-client.ts";

const ANSWERED = {
  status: 0,
  stdout: expect.stringMatching(
    /^Received msg: I love wangxiaojing from \('127\.0\.0\.1', \d+\)\n$/,
  ),
  stderr: "",
};

describe("in pairs", () => {
  test("04 and 05, three times", async (t) => {
    const server = await serve(t, SERVER, { command: asTyped });
    let printed = lines(tcp.starting);
    for (let i = 0; i < 3; i++) {
      const end = await run(t, CLIENT, { command: asTyped });
      expect(end).toEqual(ANSWERED);
      printed += end.stdout;
    }
    await server.printed(printed);
  });

  test.for(folders)("as copies in %s", async ([, packageJson], t) => {
    const command = asTyped;
    const place = folder(t, packageJson);
    const server = await serve(t, copy(SERVER, place), { command });
    const end = await run(t, copy(CLIENT, place), { command });
    expect(end).toEqual(ANSWERED);
    await server.printed(lines(tcp.starting) + end.stdout);
  });
});

describe("04 TCP server", () => {
  /** The server answers as if nothing had been. */
  async function answersAsEver(t: Parameters<typeof tcpAsk>[0]) {
    const { port, answer } = await tcpAsk(t, "still there?");
    expect(answer).toBe(tcp.answer("still there?", port));
  }

  test.for<[string, string | Buffer, string]>([
    ["Chinese", "我爱王小静", "我爱王小静"],
    ["emoji", "I ❤️ 小静 👩‍👩‍👧", "I ❤️ 小静 👩‍👩‍👧"],
    ["500 bytes", "x".repeat(500), "x".repeat(500)],
    ["501 bytes", `${"x".repeat(500)}y`, "x".repeat(500)],
    [
      "a character across byte 500",
      `${"x".repeat(499)}我`,
      `${"x".repeat(499)}�`,
    ],
    ["bytes that are not UTF-8", Buffer.from([0x61, 0xff, 0x62]), "a\uFFFDb"],
    ["spaces and line breaks", " a\n b\n", " a\n b\n"],
    ["a megabyte", "x".repeat(1_000_000), "x".repeat(500)],
  ])("answers %s, and prints the answer", async ([, message, text], t) => {
    const server = await serve(t, SERVER);
    const { port, answer } = await tcpAsk(t, message);
    expect(answer).toBe(tcp.answer(text, port));
    await server.printed(lines(tcp.starting, answer));
  });

  // Linux and Windows have all of 127.0.0.0/8, macOS has 127.0.0.1 alone.
  test.skipIf(process.platform === "darwin")(
    "is at 127.0.0.1 only",
    async (t) => {
      await serve(t, SERVER);
      const elsewhere = tcpConnect(t, TCP_PORT, "127.0.0.2");
      await expect(elsewhere).rejects.toThrow("ECONNREFUSED");
      await answersAsEver(t);
    },
  );

  test("answers 100 clients at the same time", async (t) => {
    const server = await serve(t, SERVER);
    const texts = Array.from({ length: 100 }, (_, i) => `client ${i}`);
    const asked = await Promise.all(texts.map((text) => tcpAsk(t, text)));
    const answers = asked.map(({ answer }) => answer);
    expect(answers)
      .toEqual(asked.map(({ port }, i) => tcp.answer(texts[i], port)));
    const printed = lines(tcp.starting, ...answers);
    await server.until(({ stdout }) => stdout.length >= printed.length);
    expect(server.stdout.split("\n").sort()).toEqual(
      printed.split("\n").sort(),
    );
  });

  test("answers others while a client is silent", async (t) => {
    await serve(t, SERVER);
    const silent = await tcpConnect(t);
    await answersAsEver(t);
    silent.connection.write("at last");
    await silent.ended;
    expect(silent.received).toBe(tcp.answer("at last", silent.port));
  });

  test("answers others while a client sends without end", async (t) => {
    await serve(t, SERVER);
    const { connection, ended } = await tcpConnect(t);
    const send = () => {
      while (connection.write(Buffer.alloc(65_536)));
      connection.once("drain", send);
    };
    send();
    await ended; // the server has answered and closed its side; the flood goes on
    for (let i = 0; i < 10; i++) await answersAsEver(t);
  });

  test("takes the first piece of a message, and reads on", async (t) => {
    const server = await serve(t, SERVER);
    const { connection, ...peer } = await tcpConnect(t);
    connection.setNoDelay().write("a");
    await peer.ended;
    for (const byte of "bcdefgh") {
      await new Promise((sent) => connection.write(byte, sent));
    }
    connection.end();
    await peer.closed;
    await answersAsEver(t);
    await server.until(({ stdout }) => stdout.includes("there?"));
    expect(server.stdout.match(/Received msg: .+ from/g))
      .toEqual(["Received msg: a from", "Received msg: still there? from"]);
    expect(server.stderr).toBe("");
  });

  test("answers a client that has closed its side after its message", async (t) => {
    await serve(t, SERVER);
    const peer = await tcpConnect(t);
    const { port } = peer;
    peer.connection.end("over to you");
    await peer.closed;
    expect(peer)
      .toMatchObject({ received: tcp.answer("over to you", port), error: "" });
  });

  test("closes when a client closes its side and has sent nothing", async (t) => {
    const server = await serve(t, SERVER);
    const peer = await tcpConnect(t);
    peer.connection.end();
    await peer.closed;
    expect(peer).toMatchObject({ received: "", error: "" });
    await answersAsEver(t);
    expect(server.stderr).toBe("");
  });

  test("says nothing about clients that simply leave", async (t) => {
    const server = await serve(t, SERVER);
    const silent = await tcpConnect(t);
    silent.connection.destroy();
    const answered = await tcpConnect(t);
    answered.connection.write("bye");
    await answered.ended;
    answered.connection.destroy();
    await answersAsEver(t);
    expect(server.stderr).toBe("");
  });

  test.for<
    [string, (t: Parameters<typeof tcpAsk>[0], peer: TcpPeer) => unknown]
  >(
    [
      ["before it sends", (t) => answersAsEver(t)], // by then it is accepted
      ["after its answer", (_, peer) => {
        peer.connection.write("x");
        return peer.ended;
      }],
    ],
  )("names a client that resets %s, and the cause", async ([, before], t) => {
    const server = await serve(t, SERVER);
    const peer = await tcpConnect(t);
    const { port } = peer;
    await before(t, peer);
    peer.connection.resetAndDestroy();
    await server.until(({ stderr }) => stderr.includes("\n"));
    expect(server.stderr).toBe(lines(client.reset(port)));
    await answersAsEver(t);
  });

  test("goes on when clients reset right after they connect or send", async (t) => {
    const server = await serve(t, SERVER);
    for (let i = 0; i < 20; i++) {
      (await tcpConnect(t)).connection.resetAndDestroy();
      const { connection, closed } = await tcpConnect(t);
      connection.write("x", () => connection.resetAndDestroy());
      await closed;
    }
    await answersAsEver(t);
    expect(server.stdout + server.stderr).not.toContain("undefined");
  });

  // The system accepts for the server while that is stopped, so that they are
  // gone when it sees them. Windows cannot stop a process.
  test.skipIf(windows)(
    "goes on when clients are gone before it accepts them",
    async (t) => {
      const server = await serve(t, SERVER);
      server.signal("SIGSTOP");
      for (let i = 0; i < 20; i++) {
        const { connection, closed } = await tcpConnect(t);
        connection.write("x", () => connection.resetAndDestroy());
        await closed;
      }
      server.signal("SIGCONT");
      await answersAsEver(t);
      expect(server.stdout + server.stderr).not.toContain("undefined");
    },
  );

  test("holds thousands of idle connections beside the others", async (t) => {
    // Not more than this process, and so the server, may open files. Other
    // systems than Linux have some 16,000 ports for clients, not at once free
    // again.
    const report = process.report.getReport() as {
      userLimits?: { open_files: { soft: number | string } };
    };
    const most = Number(report.userLimits?.open_files.soft) || Infinity;
    const wanted = process.platform === "linux" ? 10_000 : 2_000;
    const count = Math.min(wanted, most - 500);
    await serve(t, SERVER);
    const idle: TcpPeer[] = [];
    while (idle.length < count) {
      const some = Array.from({ length: 100 }, () => tcpConnect(t));
      idle.push(...await Promise.all(some));
    }
    const asked = Array.from({ length: 100 }, () => tcpAsk(t, "busy"));
    for (const { port, answer } of await Promise.all(asked)) {
      expect(answer).toBe(tcp.answer("busy", port));
    }
    const left = idle.filter(({ connection }) =>
      connection.destroyed || connection.readableEnded
    );
    expect(left).toEqual([]);
  });

  // Windows sets a process no limit of this kind.
  test.skipIf(windows)(
    "outlives more clients than it may open files",
    async (t) => {
      const server = await serve(t, SERVER, {
        command: ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh", ...direct],
      });
      const first = await tcpConnect(t);
      const crowd = await Promise.all(
        Array.from({ length: 100 }, () => tcpConnect(t)),
      );
      first.connection.write("I was first");
      await first.ended;
      expect(first.received).toBe(tcp.answer("I was first", first.port));
      for (const { connection } of [first, ...crowd]) connection.end();
      // Deno never accepts again once it may open no more, and says nothing.
      if (runtime !== "deno") {
        for (const { closed } of [first, ...crowd]) await closed;
        await answersAsEver(t);
      }
      expect(server.stderr).not.toContain("    at ");
    },
  );

  test.for(lostOutputs)("goes on with %s", async ([, serveDeaf], t) => {
    await serveDeaf(t, SERVER);
    await tcpReady(t);
    for (let i = 0; i < 5; i++) {
      const { connection } = await tcpConnect(t);
      await answersAsEver(t); // by then it is accepted,
      connection.resetAndDestroy(); // and its reset is told on stderr
    }
  });

  test("names a taken port, and leaves its holder alone", async (t) => {
    const server = await serve(t, SERVER);
    const second = await run(t, SERVER);
    expect(second).toEqual({ status: 1, stdout: "", stderr: lines(taken.tcp) });
    await answersAsEver(t);
    expect(server.stderr).toBe("");
  });

  test("binds at once when it is started again after it has served", async (t) => {
    for (let i = 0; i < 2; i++) {
      const server = await serve(t, SERVER);
      await answersAsEver(t);
      await server.kill();
    }
  });

  // Windows has no signal to send to a process.
  test.skipIf(windows).for(["SIGINT", "SIGTERM"] as const)(
    "ends on %s, also when it comes twice, and closes open connections",
    async (signal, t) => {
      const server = await serve(t, SERVER);
      const silent = await tcpConnect(t);
      const answered = await tcpConnect(t);
      answered.connection.write("x");
      await answered.ended;
      server.signal(signal);
      server.signal(signal);
      expect(await server.ended).toEqual({
        status: 0,
        stdout: lines(tcp.starting, answered.received, tcp.ending),
        stderr: "",
      });
      silent.connection.end();
      answered.connection.end();
      await Promise.all([silent.closed, answered.closed]);
    },
  );
});

describe("05 TCP client", () => {
  test.for<[string, string[], string]>([
    ["its own message", [], tcp.message],
    ["its first argument", ["我 ❤️ 小静", "not this"], "我 ❤️ 小静"],
    ["its own message in place of an empty one", [""], tcp.message],
  ])("sends %s and prints the answer", async ([, args, message], t) => {
    const server = await tcpServer(t, (connection) => {
      connection.once("data", (data) => connection.end(`<${data}>`));
    });
    const end = await run(t, CLIENT, { args });
    expect(end).toEqual({
      status: 0,
      stdout: lines(`<${message}>`),
      stderr: "",
    });
    await server.left();
  });

  test("prints an answer in pieces whole, with a character cut in two", async (t) => {
    const answer = Buffer.from("我爱");
    let open = false;
    const server = await tcpServer(t, async (connection) => {
      connection.setNoDelay().write(answer.subarray(0, 4));
      await once(connection, "data"); // it is there, and has the first piece
      setTimeout(() => {
        open = !connection.readableEnded; // it does not close before we do
        connection.end(answer.subarray(4));
      }, 100);
    });
    const end = await run(t, CLIENT);
    expect(end).toEqual({ status: 0, stdout: "我爱\n", stderr: "" });
    expect(open).toBe(true);
    await server.left();
  });

  test.for<[string, string, string]>([
    ["500 bytes", "x".repeat(500), "x".repeat(500)],
    ["501 bytes", `${"x".repeat(500)}y`, "x".repeat(500)],
    ["100,000 bytes", "x".repeat(100_000), "x".repeat(500)],
    [
      "a character across byte 500",
      `${"x".repeat(499)}我`,
      `${"x".repeat(499)}�`,
    ],
  ])(
    "takes %s of a server that does not close",
    async ([, answer, text], t) => {
      const server = await tcpServer(t, (connection) => {
        connection.once("data", () => connection.write(answer));
      });
      const end = await run(t, CLIENT);
      expect(end).toEqual({ status: 0, stdout: lines(text), stderr: "" });
      await server.left();
    },
  );

  const ends: [string, (connection: net.Socket) => void, string, string][] = [
    ["closes", (server) => server.end(), "", cause.closed],
    ["resets", (server) => server.resetAndDestroy(), "", cause.reset],
    [
      "answers and resets",
      (server) => {
        // Not at once: the answer would be lost on the way.
        server.write("a part");
        setTimeout(() => server.resetAndDestroy(), 500);
      },
      "a part",
      cause.reset,
    ],
  ];
  test.for(ends)(
    "says so when the server %s",
    async ([, end, part, why], t) => {
      await tcpServer(t, (server) => server.once("data", () => end(server)));
      const said = part ? noAnswer.notWhole(why) : noAnswer.tcp(why);
      const stdout = part && lines(part);
      expect(await run(t, CLIENT))
        .toEqual({ status: 1, stdout, stderr: lines(said) });
    },
  );

  test("says so when nobody is there", async (t) => {
    const stderr = lines(noAnswer.tcp(cause.nobody));
    expect(await run(t, CLIENT)).toEqual({ status: 1, stdout: "", stderr });
  });

  // Windows sets a process no limit of this kind.
  test.skipIf(windows)("says that the system has no socket left", async (t) => {
    const { status, stdout, stderr } = await runExhausted(t, CLIENT);
    // Bun takes it for nobody being there.
    const code = runtime === "bun" ? "ECONNREFUSED" : "EMFILE";
    const start = `No answer from TCP ${HOST}:${TCP_PORT} (connect ${code} `;
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr.startsWith(start)).toBe(true);
    expect(stderr.match(/\n/g)).toHaveLength(1);
  });
});
