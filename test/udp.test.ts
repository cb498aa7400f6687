import { once } from "node:events";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { cause, client, lines, noAnswer, taken, udp } from "./expected.ts";
import {
  freePort,
  HOST,
  UDP_PORT,
  udpAsk,
  udpInbox,
  udpReady,
  udpSocket,
} from "./peer.ts";
import {
  asTyped,
  copy,
  folder,
  folders,
  lostOutputs,
  type Program,
  run,
  runExhausted,
  runtime,
  serve,
  serveWithFaults,
  windows,
} from "./program.ts";

const SERVED_01 = {
  status: 0,
  stdout: lines(
    udp.starting,
    "<Buffer 49 20 6c 6f 76 65 20 6a 69 6e 67 6a 69 6e 67>",
    "Buffer",
    "string",
    udp.message,
    udp.ending,
  ),
  stderr: "",
};
const ANSWERED = { status: 0, stdout: lines(udp.answer), stderr: "" };

// Linux and Windows have all of 127.0.0.0/8, macOS has 127.0.0.1 alone.
const ELSEWHERE = "127.0.0.2";
const onlyOneAddress = process.platform === "darwin";

describe("in pairs", () => {
  test("01 and 02", async (t) => {
    const server = await serve(t, "01-udp-server.ts", { command: asTyped });
    const end = await run(t, "02-udp-client.ts", { command: asTyped });
    expect(end).toEqual(ANSWERED);
    expect(await server.ended).toEqual(SERVED_01);
  });

  test("03 and 02, three times", async (t) => {
    const command = asTyped;
    const server = await serve(t, "03-looping-udp-server.ts", { command });
    for (let i = 0; i < 3; i++) {
      expect(await run(t, "02-udp-client.ts", { command })).toEqual(ANSWERED);
    }
    const { message } = udp;
    await server.printed(lines(udp.starting, message, message, message));
  });

  test.for(folders)("as copies in %s", async ([, packageJson], t) => {
    const command = asTyped;
    const place = folder(t, packageJson);
    const client = copy("02-udp-client.ts", place);

    const once = copy("01-udp-server.ts", place);
    const server = await serve(t, once, { command });
    expect(await run(t, client, { command })).toEqual(ANSWERED);
    expect(await server.ended).toEqual(SERVED_01);

    const always = copy("03-looping-udp-server.ts", place);
    const looping = await serve(t, always, { command });
    expect(await run(t, client, { command })).toEqual(ANSWERED);
    await looping.printed(lines(udp.starting, udp.message));
  });
});

// Sent to a server, and what it prints of it.
const CUT = `${"x".repeat(499)}我`;
const messages: [string, string | Buffer, string][] = [
  ["emoji", "I ❤️ 静静 👩‍👩‍👧", "I ❤️ 静静 👩‍👩‍👧"],
  ["500 bytes", "x".repeat(500), "x".repeat(500)],
  ["501 bytes", `${"x".repeat(500)}y`, "x".repeat(500)],
  ["a character across byte 500", CUT, `${"x".repeat(499)}\uFFFD`],
  ["bytes that are not UTF-8", Buffer.from([0x61, 0xff, 0x62]), "a\uFFFDb"],
  ["spaces and line breaks", " a\n b\n", " a\n b\n"],
  ["nothing", "", ""],
];

describe("01 UDP server", () => {
  test.for(messages)("prints and answers %s", async ([, message, text], t) => {
    const server = await serve(t, "01-udp-server.ts");
    expect(server.stdout).toBe(lines(udp.starting));
    expect(await udpAsk(t, message)).toBe(udp.answer);
    const data = inspect(Buffer.from(message).subarray(0, 500));
    expect(await server.ended).toEqual({
      status: 0,
      stdout: lines(udp.starting, data, "Buffer", "string", text, udp.ending),
      stderr: "",
    });
  });

  test("takes one message only, and answers it once", async (t) => {
    const server = await serve(t, "01-udp-server.ts");
    const socket = await udpSocket(t);
    const answers = udpInbox(socket);
    for (const message of ["1st", "2nd", "3rd"]) {
      socket.send(message, UDP_PORT, HOST);
    }
    const { stdout } = await server.ended;
    const data = "<Buffer 31 73 74>";
    expect(stdout).toBe(
      lines(udp.starting, data, "Buffer", "string", "1st", udp.ending),
    );
    expect(await answers()).toEqual([udp.answer]);
  });

  test.skipIf(onlyOneAddress)(
    "is at 127.0.0.1 only, and answers whoever asks from elsewhere",
    async (t) => {
      const server = await serve(t, "01-udp-server.ts");
      const socket = await udpSocket(t, 0, ELSEWHERE);
      socket.send("not for it", UDP_PORT, ELSEWHERE);
      socket.send("for it", UDP_PORT, HOST);
      expect(String(await once(socket, "message"))).toContain(udp.answer);
      expect((await server.ended).stdout).toContain("\nfor it\n");
    },
  );

  // Linux refuses to send to a broadcast address; others drop it silently.
  test.skipIf(process.platform !== "linux")(
    "ends as ever when its answer cannot be sent, and says why",
    async (t) => {
      const server = await serveWithFaults(t, "01-udp-server.ts");
      const socket = await udpSocket(t);
      socket.send("from 127.255.255.255", UDP_PORT, HOST);
      const { status, stdout, stderr } = await server.ended;
      expect(status).toBe(0);
      expect(stdout).toContain(lines("from 127.255.255.255", udp.ending));
      expect(stderr).toMatch(/^send \S+ 127\.255\.255\.255:\d+\n$/);
    },
  );

  test("names a taken port, and leaves its holder alone", async (t) => {
    const server = await serve(t, "01-udp-server.ts");
    const second = await run(t, "01-udp-server.ts");
    expect(second).toEqual({ status: 1, stdout: "", stderr: lines(taken.udp) });
    expect(await udpAsk(t, "still there?")).toBe(udp.answer);
    expect(await server.ended).toMatchObject({ status: 0, stderr: "" });
  });
});

describe("02 UDP client", () => {
  test.for<[string, string[], string]>([
    ["its own message", [], udp.message],
    ["its first argument", ["我 ❤️ 静静", "not this"], "我 ❤️ 静静"],
    ["an empty argument", [""], ""],
  ])("sends %s, once, and prints the answer", async ([, args, message], t) => {
    const server = await udpSocket(t, UDP_PORT);
    const messages = udpInbox(server);
    const client = run(t, "02-udp-client.ts", { args });
    const [, sender] = await once(server, "message");
    server.send("<answer>", sender.port, sender.address);
    const answered = { status: 0, stdout: "<answer>\n", stderr: "" };
    expect(await client).toEqual(answered);
    expect(await messages()).toEqual([message]);
  });

  test.for<[string, string | Buffer, string]>([
    ["nothing", "", ""],
    ["200 bytes", "x".repeat(200), "x".repeat(200)],
    ["201 bytes", `${"x".repeat(200)}y`, "x".repeat(200)],
    [
      "300 bytes that are 100 characters",
      "我".repeat(100),
      "我".repeat(66) + "�",
    ],
    ["bytes that are not UTF-8", Buffer.from([0x61, 0xff, 0x62]), "a\uFFFDb"],
  ])("prints one answer: %s", async ([, answer, text], t) => {
    const server = await udpSocket(t, UDP_PORT);
    server.on("message", (_, sender) => {
      server.send(answer, sender.port, sender.address);
      server.send("another", sender.port, sender.address);
    });
    const end = await run(t, "02-udp-client.ts");
    expect(end).toEqual({ status: 0, stdout: lines(text), stderr: "" });
  });

  // Windows takes no argument as long as this.
  test.skipIf(windows)("says that a message is too long", async (t) => {
    const args = ["x".repeat(70_000)];
    const end = await run(t, "02-udp-client.ts", { args });
    const stderr = lines(noAnswer.notSent(cause.tooLong));
    expect(end).toEqual({ status: 1, stdout: "", stderr });
  });

  // Windows sets a process no limit of this kind.
  test.skipIf(windows)("says that the system has no socket left", async (t) => {
    const end = await runExhausted(t, "02-udp-client.ts");
    const stderr = lines(noAnswer.notSent("bind EMFILE 0.0.0.0"));
    expect(end).toEqual({ status: 1, stdout: "", stderr });
  });
});

describe("03 looping UDP server", () => {
  const SCRIPT = "03-looping-udp-server.ts";

  /** An answer finds nobody. Bun loses what it sends before it is told so. */
  const nobodyThere = async (server: Program) => {
    if (runtime !== "bun") return;
    await server.until(({ stderr }) => stderr.includes("ECONNREFUSED"));
  };

  test("prints and answers whatever comes, and goes on", async (t) => {
    const server = await serve(t, SCRIPT);
    // macOS sends no more, unless set otherwise.
    const largest = process.platform === "darwin" ? 9_216 : 65_507;
    const all = [
      ...messages,
      ["the largest datagram", "x".repeat(largest), "x".repeat(500)],
      ["plain text", udp.message, udp.message],
    ] as const;
    for (const [, message] of all) {
      expect(await udpAsk(t, message)).toBe(udp.answer);
    }
    await server.printed(lines(udp.starting, ...all.map(([, , text]) => text)));
  });

  test("answers each message once", async (t) => {
    await serve(t, SCRIPT);
    const socket = await udpSocket(t);
    const answers = udpInbox(socket);
    socket.send("once", UDP_PORT, HOST);
    await once(socket, "message");
    await udpAsk(t, "next"); // whatever it had for the first is sent by now
    expect(await answers()).toEqual([udp.answer]);
  });

  test("lets no client wait for another", async (t) => {
    const server = await serve(t, SCRIPT);
    const texts = Array.from({ length: 500 }, (_, i) => `client ${i}`);
    const started = performance.now();
    // Not all at the same time: the system keeps only so many for a socket.
    for (let i = 0; i < texts.length; i += 100) {
      const asked = texts.slice(i, i + 100).map((text) => udpAsk(t, text));
      for (const answer of await Promise.all(asked)) {
        expect(answer).toBe(udp.answer);
      }
    }
    // With 10 ms for each, one after the other, it would be more than 5.
    expect((performance.now() - started) / 1000).toBeLessThan(5);
    const printed = lines(udp.starting, ...texts);
    await server.until(({ stdout }) => stdout.length >= printed.length);
    expect(server.stdout.split("\n").sort()).toEqual(
      printed.split("\n").sort(),
    );
  });

  test.skipIf(onlyOneAddress)(
    "is at 127.0.0.1 only, and answers whoever asks from elsewhere",
    async (t) => {
      const server = await serve(t, SCRIPT);
      const socket = await udpSocket(t, 0, ELSEWHERE);
      socket.send("not for it", UDP_PORT, ELSEWHERE);
      socket.send("for it", UDP_PORT, HOST);
      expect(String(await once(socket, "message"))).toContain(udp.answer);
      await server.printed(lines(udp.starting, "for it"));
    },
  );

  test("goes on when a client is gone before its answer", async (t) => {
    const server = await serve(t, SCRIPT);
    const socket = await udpSocket(t);
    socket.send("gone", UDP_PORT, HOST, () => socket.close());
    await server.until(({ stdout }) => stdout.includes("gone\n"));
    await nobodyThere(server);
    expect(await udpAsk(t, "still there?")).toBe(udp.answer);
  });

  test("goes on when a receive fails", async (t) => {
    const server = await serveWithFaults(t, SCRIPT);
    const socket = await udpSocket(t);
    socket.send("fail", UDP_PORT, HOST);
    expect(await udpAsk(t, "still there?")).toBe(udp.answer);
    const said = `UDP ${HOST}:${UDP_PORT}: recvmsg ECONNRESET`;
    await server.printed(lines(udp.starting, "still there?"), lines(said));
  });

  // Linux refuses to send to a broadcast address; others drop it silently.
  test.skipIf(process.platform !== "linux")(
    "goes on when its answer cannot be sent, and says why",
    async (t) => {
      const server = await serveWithFaults(t, SCRIPT);
      const socket = await udpSocket(t);
      socket.send("from 127.255.255.255", UDP_PORT, HOST);
      await server.until(({ stderr }) => stderr.includes("\n"));
      expect(server.stderr).toMatch(/^send \S+ 127\.255\.255\.255:\d+\n$/);
      expect(await udpAsk(t, "still there?")).toBe(udp.answer);
    },
  );

  // Forged senders: nobody, an echo service, a name server, the last port of
  // such services, the first of others.
  test.for([0, 7, 53, 1023])("does not answer port %i", async (port, t) => {
    const server = await serveWithFaults(t, SCRIPT);
    const socket = await udpSocket(t);
    const message = `from port ${port}`;
    socket.send(message, UDP_PORT, HOST);
    expect(await udpAsk(t, "still there?")).toBe(udp.answer);
    const printed = lines(udp.starting, message, "still there?");
    await server.printed(printed, lines(client.notAnswered(port)));
  });

  test("answers port 1024", async (t) => {
    const server = await serveWithFaults(t, SCRIPT);
    const socket = await udpSocket(t);
    socket.send("from port 1024", UDP_PORT, HOST);
    await nobodyThere(server);
    expect(await udpAsk(t, "next")).toBe(udp.answer);
    expect(server.stderr).not.toContain("not answered");
  });

  test("does not talk with itself", async (t) => {
    const server = await serveWithFaults(t, SCRIPT);
    const socket = await udpSocket(t);
    const message = `from port ${UDP_PORT}`;
    socket.send(message, UDP_PORT, HOST);
    const talk = lines(udp.starting, message, udp.answer);
    await server.printed(talk, lines(client.notAnswered(UDP_PORT)));
    expect(await udpAsk(t, "still there?")).toBe(udp.answer);
    await server.until(({ stdout }) => stdout.includes("there?"));
    expect(server.stdout).toBe(talk + lines("still there?"));
  });

  test("does not talk with an echo service", async (t) => {
    const server = await serve(t, SCRIPT);
    const echo = await udpSocket(t);
    const { port } = echo.address();
    echo.on("message", (data, sender) => {
      echo.send(data, sender.port, sender.address);
    });
    echo.send("hello", UDP_PORT, HOST); // as if somebody had forged it
    const talk = lines(udp.starting, "hello", udp.answer);
    await server.printed(talk, lines(client.notAnswered(port)));
    expect(await udpAsk(t, "still there?")).toBe(udp.answer);
    await server.until(({ stdout }) => stdout.includes("there?"));
    expect(server.stdout).toBe(talk + lines("still there?"));
  });

  test("does not talk with another one like it", async (t) => {
    const server = await serveWithFaults(t, SCRIPT);
    const port = await freePort();
    const other = await serve(t, copy(SCRIPT, folder(t), port));
    const socket = await udpSocket(t);
    const message = `from port ${port}`;
    socket.send(message, UDP_PORT, HOST);
    const notAnswered = lines(client.notAnswered(UDP_PORT));
    await other.printed(lines(udp.starting, udp.answer), notAnswered);
    expect(await udpAsk(t, "still there?")).toBe(udp.answer);
    await server.printed(lines(udp.starting, message, "still there?"));
    await other.printed(lines(udp.starting, udp.answer), notAnswered);
  });

  test.for(lostOutputs)("goes on with %s", async ([, serveDeaf], t) => {
    await serveDeaf(t, SCRIPT);
    await udpReady(t);
    const socket = await udpSocket(t);
    for (let i = 0; i < 5; i++) {
      socket.send(udp.answer, UDP_PORT, HOST); // to be refused on stderr
      expect(await udpAsk(t, "still there?")).toBe(udp.answer);
    }
  });

  test("names a taken port, and leaves its holder alone", async (t) => {
    const server = await serve(t, SCRIPT);
    const second = await run(t, SCRIPT);
    expect(second).toEqual({ status: 1, stdout: "", stderr: lines(taken.udp) });
    expect(await udpAsk(t, "still there?")).toBe(udp.answer);
    await server.printed(lines(udp.starting, "still there?"));
  });

  // Windows has no signal to send to a process.
  test.skipIf(windows).for(["SIGINT", "SIGTERM"] as const)(
    "ends on %s, also when it comes twice",
    async (signal, t) => {
      const server = await serve(t, SCRIPT);
      server.signal(signal);
      server.signal(signal);
      const stdout = lines(udp.starting, udp.ending);
      expect(await server.ended).toEqual({ status: 0, stdout, stderr: "" });
    },
  );
});
