import { once } from "node:events";
import net from "node:net";
import { describe, expect, test, type TestContext } from "vitest";
import {
  cause,
  client,
  ending,
  lines,
  noAnswer,
  starting,
  taken,
  tcp,
} from "./expected.ts";
import {
  ELSEWHERE,
  freePort,
  HOST,
  onlyOneAddress,
  tcpAsk,
  tcpConnect,
  tcpServer,
} from "./peer.ts";
import {
  limited,
  type Program,
  run,
  runtime,
  serve,
  windows,
} from "./program.ts";

/** The server answers as if nothing had been. */
async function answersAsEver(t: TestContext, server: Program) {
  const { port, answer } = await tcpAsk(t, server.port, "still there?");
  expect(answer).toBe(tcp.answer("still there?", port));
}

describe.concurrent("04 TCP server", () => {
  test("answers whatever comes, and prints the answer", async (t) => {
    const notUtf8 = Buffer.from([0x61, 0xff, 0x62]);
    const messages: [string | Buffer, string][] = [
      ["我 ❤️ 小静 \n", "我 ❤️ 小静 \n"],
      [notUtf8, "a�b"],
      [`${"x".repeat(499)} y`, `${"x".repeat(499)} `],
      [`${"x".repeat(499)}我`, `${"x".repeat(499)}�`],
      // More than the system keeps: the server must read on.
      ["x".repeat(50_000_000), "x".repeat(500)],
    ];
    const server = await serve(t, "04");
    const answers = [];
    for (const [message, text] of messages) {
      const { port, answer } = await tcpAsk(t, server.port, message);
      expect(answer).toBe(tcp.answer(text, port));
      answers.push(answer);
    }
    await server.printed(lines(starting["04"], ...answers));
  });

  test.skipIf(onlyOneAddress)(
    "is at 127.0.0.1 only, and names a client from elsewhere",
    async (t) => {
      const server = await serve(t, "04");
      const elsewhere = net.connect(server.port, ELSEWHERE);
      await expect(once(elsewhere, "connect")).rejects.toThrow("ECONNREFUSED");
      const { port, answer } = await tcpAsk(t, server.port, "hi", ELSEWHERE);
      expect(answer).toBe(tcp.answer("hi", port, ELSEWHERE));
    },
  );

  test("answers 100 clients while one is silent and one sends on", async (t) => {
    const server = await serve(t, "04");
    const silent = await tcpConnect(t, server.port);
    const { connection, ended } = await tcpConnect(t, server.port);
    const send = () => {
      while (connection.write(Buffer.alloc(65_536)));
      connection.once("drain", send);
    };
    send();
    await ended; // the server has closed its side; the flood goes on
    const texts = Array.from({ length: 100 }, (_, i) => `client ${i}`);
    const asked = texts.map((text) => tcpAsk(t, server.port, text));
    for (const [i, { port, answer }] of (await Promise.all(asked)).entries()) {
      expect(answer).toBe(tcp.answer(texts[i], port));
    }
    silent.connection.write("at last");
    await silent.ended;
    expect(silent.received).toBe(tcp.answer("at last", silent.port));
  });

  test("takes the first piece of a message, and reads on", async (t) => {
    const server = await serve(t, "04");
    const peer = await tcpConnect(t, server.port);
    peer.connection.setNoDelay().write("a");
    await peer.ended;
    for (const byte of "bcdefgh") {
      await new Promise((sent) => peer.connection.write(byte, sent));
    }
    peer.connection.end();
    await peer.closed;
    await server.printed(lines(starting["04"], tcp.answer("a", peer.port)));
    expect(peer.error).toBe("");
  });

  test("says nothing about clients that simply leave", async (t) => {
    const server = await serve(t, "04");
    const silent = await tcpConnect(t, server.port);
    silent.connection.end();
    await silent.closed;
    expect([silent.received, silent.error]).toEqual(["", ""]);

    const halfClosed = await tcpConnect(t, server.port);
    halfClosed.connection.end("over to you");
    await halfClosed.closed;
    const answer = tcp.answer("over to you", halfClosed.port);
    expect([halfClosed.received, halfClosed.error]).toEqual([answer, ""]);

    await server.printed(lines(starting["04"], answer));
  });

  test("names a client that resets, and goes on", async (t) => {
    const server = await serve(t, "04");
    const silent = await tcpConnect(t, server.port);
    const host = onlyOneAddress ? HOST : ELSEWHERE;
    const answered = await tcpConnect(t, server.port, host);
    answered.connection.write("x");
    await answered.ended; // by then both are accepted
    silent.connection.resetAndDestroy();
    await t.expect.poll(() => server.stderr)
      .toBe(lines(client.reset(silent.port)));
    answered.connection.resetAndDestroy();
    await t.expect.poll(() => server.stderr)
      .toBe(
        lines(client.reset(silent.port), client.reset(answered.port, host)),
      );
    await answersAsEver(t, server);
  });

  // The system accepts for the server while that is stopped, so that they are
  // gone when it sees them. Windows cannot stop a process.
  test.skipIf(windows)("outlives clients that are gone at once", async (t) => {
    const server = await serve(t, "04");
    server.signal("SIGSTOP");
    for (let i = 0; i < 20; i++) {
      const { connection, closed } = await tcpConnect(t, server.port);
      connection.write("x", () => connection.resetAndDestroy());
      await closed;
    }
    server.signal("SIGCONT");
    await answersAsEver(t, server);
    expect(server.stdout + server.stderr).not.toContain("undefined");
  });

  test("goes on when accepts fail, and says why", async (t) => {
    const server = await serve(t, "04", { faults: [] });
    const asked = await tcpAsk(t, server.port, "1st");
    const next = await tcpAsk(t, server.port, "2nd");
    await server.printed(
      lines(starting["04"], asked.answer, next.answer),
      lines("accept EMFILE", "accept EMFILE"),
    );
  });

  // Windows sets a process no limit of this kind.
  test.skipIf(windows)(
    "outlives more clients than it may open files",
    async (t) => {
      const server = await serve(t, "04", { command: limited(64) });
      const first = await tcpConnect(t, server.port);
      const crowd = await Promise.all(
        Array.from({ length: 100 }, () => tcpConnect(t, server.port)),
      );
      first.connection.write("I was first");
      await first.ended;
      expect(first.received).toBe(tcp.answer("I was first", first.port));
      for (const { connection } of [first, ...crowd]) connection.end();
      // Deno never accepts again once it may open no more, and says nothing.
      if (runtime !== "deno") {
        for (const { closed } of [first, ...crowd]) await closed;
        await answersAsEver(t, server);
      }
      expect(server.stderr).not.toContain("    at ");
    },
  );

  test("ends a connection after its limit, whatever the client does", {
    retry: 3,
  }, async (t) => {
    const server = await serve(t, "04", { timeout: 2_000 });
    const peers = [];
    for (let i = 0; i < 3; i++) peers.push(await tcpConnect(t, server.port));
    const [silent, sending, late] = peers;
    const connected = performance.now();
    const sendOn = (connection: net.Socket) => {
      const interval = setInterval(() => connection.write("more"), 50);
      connection.on("close", () => clearInterval(interval));
    };
    sendOn(sending.connection);
    setTimeout(() => late.connection.write("late"), 1_000);

    await silent.ended;
    expect(performance.now() - connected).toBeCloseTo(2_000, -2.7);
    expect([silent.received, silent.error]).toEqual(["", ""]);
    for (const { port, connection, closed } of peers) {
      await t.expect.poll(() => server.stderr)
        .toContain(lines(client.timedOut(port)));
      sendOn(connection); // both sides are closed: who sends on is told
      await closed;
    }
    expect(performance.now() - connected).toBeLessThan(3_000);
    expect(late.received).toMatch(/^Received msg: late from/);
    await answersAsEver(t, server);
  });

  test("names a port that another program has", async (t) => {
    const { port } = await tcpServer(t, () => {});
    const stderr = lines(taken.tcp(port));
    expect(await run(t, "04", port)).toEqual({ status: 1, stdout: "", stderr });
  });

  test("binds at once when it is started again", async (t) => {
    const port = await freePort();
    for (let i = 0; i < 2; i++) {
      const server = await serve(t, "04", { port });
      await answersAsEver(t, server);
      await server.kill();
    }
  });

  // Windows has no signal to send to a process.
  test.skipIf(windows).for(["SIGINT", "SIGTERM"] as const)(
    "ends on %s, also when it comes twice, and closes open connections",
    async (signal, t) => {
      const server = await serve(t, "04");
      const silent = await tcpConnect(t, server.port);
      const answered = await tcpConnect(t, server.port);
      answered.connection.write("x");
      await answered.ended;
      server.signal(signal);
      server.signal(signal);
      expect(await server.ended).toEqual({
        status: 0,
        stdout: lines(starting["04"], answered.received, ending["04"]),
        stderr: "",
      });
      silent.connection.end();
      answered.connection.end();
      await Promise.all([silent.closed, answered.closed]);
    },
  );
});

describe.concurrent("05 TCP client", () => {
  test.for<[string[], string]>([
    [[], tcp.message],
    [[" 我 ❤️ ", "not this"], " 我 ❤️ "],
    [[""], tcp.message],
  ])(
    "given %j, sends %j, and prints the answer",
    async ([args, message], t) => {
      const { port, received } = await tcpServer(t, (connection) => {
        connection.once("data", () => connection.end(" 我\n"));
      });
      // It must not wait for its limit, here beyond the test's.
      const end = await run(t, "05", port, { args, timeout: 60_000 });
      expect(end).toEqual({ status: 0, stdout: lines(" 我\n"), stderr: "" });
      expect(await received()).toBe(message);
    },
  );

  test("prints an answer in pieces whole, with a character cut in two", async (t) => {
    const answer = Buffer.from("我爱");
    let open = false;
    const { port, received } = await tcpServer(t, async (connection) => {
      connection.setNoDelay().write(answer.subarray(0, 4));
      await once(connection, "data"); // it is there, and has the first piece
      setTimeout(() => {
        open = !connection.readableEnded; // it does not close before we do
        connection.end(answer.subarray(4));
      }, 100);
    });
    const end = await run(t, "05", port);
    expect(end).toEqual({ status: 0, stdout: "我爱\n", stderr: "" });
    expect(open).toBe(true);
    expect(await received()).toBe(tcp.message); // and only once
  });

  test.for<[string, string]>([
    [`${"x".repeat(499)} `, `${"x".repeat(499)} `],
    [`${"x".repeat(499)}我${"y".repeat(100_000)}`, `${"x".repeat(499)}�`],
  ])("takes 500 bytes of a server that does not close", async (
    [answer, text],
    t,
  ) => {
    const { port, received } = await tcpServer(t, (connection) => {
      connection.once("data", () => connection.write(answer));
    });
    const end = await run(t, "05", port);
    expect(end).toEqual({ status: 0, stdout: lines(text), stderr: "" });
    expect(await received()).toBe(tcp.message);
  });

  const PART = " 我\n";
  test.for<[string, string, string, (connection: net.Socket) => void]>([
    ["closes", cause.closed, "", (connection) => connection.end()],
    ["resets", cause.reset, "", (connection) => connection.resetAndDestroy()],
    ["answers and resets", cause.reset, PART, (connection) => {
      // Not at once: the answer would be lost on the way.
      connection.write(PART);
      setTimeout(() => connection.resetAndDestroy(), 500);
    }],
  ])("says so when the server %s", async ([, why, part, end], t) => {
    const { port } = await tcpServer(t, (connection) => {
      connection.once("data", () => end(connection));
    });
    const said = part ? noAnswer.part : noAnswer.tcp;
    const stderr = lines(said(port, why));
    const stdout = part && lines(part);
    expect(await run(t, "05", port)).toEqual({ status: 1, stdout, stderr });
  });

  test("says so when nobody is there", async (t) => {
    const port = await freePort();
    const stderr = lines(noAnswer.tcp(port, cause.nobody));
    expect(await run(t, "05", port)).toEqual({ status: 1, stdout: "", stderr });
  });

  // Windows sets a process no limit of this kind.
  test.skipIf(windows)("says that the system has no socket left", async (t) => {
    const { port } = await tcpServer(t, () => {});
    const options = { command: limited(200), faults: ["exhausted"] };
    const end = await run(t, "05", port, options);
    // Bun takes it for nobody being there.
    const code = runtime === "bun" ? cause.nobody : "EMFILE";
    const stderr = lines(noAnswer.tcp(port, code));
    expect(end).toEqual({ status: 1, stdout: "", stderr });
  });

  test.for<[string, string, (connection: net.Socket) => void]>([
    ["is silent", "", () => {}],
    ["answers and does not close", "x", (server) => server.write("x")],
    ["sends a byte now and then", "x", (server) => {
      const more = setInterval(() => server.write("x"), 100);
      server.on("close", () => clearInterval(more));
    }],
  ])("gives up after its limit when the server %s", { retry: 3 }, async (
    [, part, accepted],
    t,
  ) => {
    let connected = 0;
    const { port } = await tcpServer(t, (connection) => {
      connected = performance.now();
      accepted(connection);
    });
    const end = await run(t, "05", port, { timeout: 2_000 });
    expect(performance.now() - connected).toBeCloseTo(2_000, -2.7);
    const said = part ? noAnswer.part : noAnswer.tcp;
    const stderr = lines(said(port, cause.late(2)));
    expect({ ...end, stdout: end.stdout.replace(/x+/, "x") })
      .toEqual({ status: 1, stdout: part && lines(part), stderr });
  });
});
