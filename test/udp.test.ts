import { once } from "node:events";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import {
  client,
  ending,
  lines,
  noAnswer,
  starting,
  taken,
  udp,
} from "./expected.ts";
import {
  ELSEWHERE,
  HOST,
  onlyOneAddress,
  udpAsk,
  udpInbox,
  udpSocket,
} from "./peer.ts";
import { limited, run, runtime, serve, windows } from "./program.ts";

/** All that 01 prints. */
const served01 = (message: string | Buffer, text: string) => ({
  status: 0,
  stdout: lines(
    starting["01"],
    inspect(Buffer.from(message).subarray(0, 500)),
    "Buffer",
    "string",
    text,
    ending["01"],
  ),
  stderr: "",
});

// 501 bytes: white space, a byte that is not UTF-8, and 166 characters of three
// bytes each. Both limits, 500 and 200, cut one of them in two.
const HOSTILE = Buffer.from([
  ...Buffer.from("\n "),
  0xff,
  ...Buffer.from("我".repeat(166)),
]);
const hostile = (whole: number) => `\n �${"我".repeat(whole)}�`;

describe.concurrent("01 UDP server", () => {
  test("prints and answers its first message, once", async (t) => {
    const server = await serve(t, "01");
    const socket = await udpSocket(t);
    const answers = udpInbox(socket);
    for (const message of [HOSTILE, "2nd", "3rd"]) {
      socket.send(message, server.port, HOST);
    }
    expect(await server.ended).toEqual(served01(HOSTILE, hostile(165)));
    expect(await answers()).toEqual([udp.answer]);
  });

  test.for(["", "我 ❤️ 静静 \n"])("prints %j as it is", async (message, t) => {
    const server = await serve(t, "01");
    expect(await udpAsk(t, server.port, message)).toBe(udp.answer);
    expect(await server.ended).toEqual(served01(message, message));
  });

  // Linux refuses to send to a broadcast address; others drop it silently.
  test.runIf(process.platform === "linux")(
    "says why its answer cannot be sent, and ends",
    async (t) => {
      const server = await serve(t, "01", { faults: [] });
      const message = "from 127.255.255.255";
      const socket = await udpSocket(t);
      socket.send(message, server.port, HOST);
      const { port } = socket.address();
      expect(await server.ended).toEqual({
        ...served01(message, message),
        status: 1,
        stderr: lines(client.notSent(port)),
      });
    },
  );
});

describe.concurrent.for(["01", "03"])("%s, as a UDP server,", (number) => {
  test("names a port that another program has", async (t) => {
    const holder = await udpSocket(t, HOST, true); // which would even share it
    const { port } = holder.address();
    const end = await run(t, number, port);
    const stderr = lines(taken.udp(port));
    expect(end).toEqual({ status: 1, stdout: "", stderr });
  });

  test.skipIf(onlyOneAddress)(
    "is at 127.0.0.1 only, and answers whoever asks from elsewhere",
    async (t) => {
      const server = await serve(t, number);
      const socket = await udpSocket(t, ELSEWHERE);
      socket.send("not for it", server.port, ELSEWHERE);
      socket.send("for it", server.port, HOST);
      expect(String(await once(socket, "message"))).toContain(udp.answer);
      await t.expect.poll(() => server.stdout).toContain("\nfor it\n");
      expect(server.stdout).not.toContain("not for it");
    },
  );
});

describe.concurrent("02 UDP client", () => {
  test.for<[string[], string, string | Buffer, string]>([
    [[], udp.message, HOSTILE, hostile(65)],
    [
      [" 我 ❤️ ", "not this"],
      " 我 ❤️ ",
      `${"x".repeat(199)} y`,
      "x".repeat(199) + " ",
    ],
    [[""], "", "", ""],
  ])("given %j, sends %j once, and prints one answer", async (
    [args, message, answer, text],
    t,
  ) => {
    const server = await udpSocket(t);
    const messages = udpInbox(server);
    const { port } = server.address();
    const end = run(t, "02", port, { args });
    const [, sender] = await once(server, "message");
    server.send(answer, sender.port, sender.address);
    server.send("another", sender.port, sender.address);
    expect(await end).toEqual({ status: 0, stdout: lines(text), stderr: "" });
    expect(await messages()).toEqual([message]);
  });

  // Windows takes no argument as long as this.
  test.skipIf(windows)("says that a message is too long", async (t) => {
    const { port } = (await udpSocket(t)).address();
    const end = await run(t, "02", port, { args: ["x".repeat(70_000)] });
    const stderr = lines(noAnswer.tooLong(port));
    expect(end).toEqual({ status: 1, stdout: "", stderr });
  });

  // Windows sets a process no limit of this kind.
  test.skipIf(windows)("says that the system has no socket left", async (t) => {
    const { port } = (await udpSocket(t)).address();
    const options = { command: limited(200), faults: ["exhausted"] };
    const end = await run(t, "02", port, options);
    const stderr = lines("bind EMFILE 0.0.0.0");
    expect(end).toEqual({ status: 1, stdout: "", stderr });
  });

  test("gives up after its limit", { retry: 3 }, async (t) => {
    const server = await udpSocket(t);
    const { port } = server.address();
    const end = run(t, "02", port, { timeout: 2_000 });
    await once(server, "message");
    const sent = performance.now();
    const stderr = lines(noAnswer.udp(port, 2));
    expect(await end).toEqual({ status: 1, stdout: "", stderr });
    expect(performance.now() - sent).toBeCloseTo(2_000, -2.7); // 250 either way
  });
});

describe.concurrent("03 looping UDP server", () => {
  test("prints and answers whatever comes, once each", async (t) => {
    // macOS sends no more, unless set otherwise.
    const largest = process.platform === "darwin" ? 9_216 : 65_507;
    const messages: [string | Buffer, string][] = [
      [HOSTILE, hostile(165)],
      [`${"x".repeat(499)} y`, `${"x".repeat(499)} `],
      ["x".repeat(largest), "x".repeat(500)],
      ["", ""],
      ["我 ❤️ 静静 \n", "我 ❤️ 静静 \n"],
      [`${udp.answer}!`, `${udp.answer}!`],
    ];
    const server = await serve(t, "03");
    const socket = await udpSocket(t);
    const answers = udpInbox(socket);
    for (const [message] of messages) {
      socket.send(message, server.port, HOST);
      await once(socket, "message");
    }
    const texts = messages.map(([, text]) => text);
    await server.printed(lines(starting["03"], ...texts));
    expect(await answers()).toEqual(messages.map(() => udp.answer));
  });

  test("goes on when receives fail, and says why", async (t) => {
    const server = await serve(t, "03", { faults: [] });
    const socket = await udpSocket(t);
    socket.send("fail", server.port, HOST);
    socket.send("fail", server.port, HOST);
    expect(await udpAsk(t, server.port, "still there?")).toBe(udp.answer);
    const failed = "recvmsg ECONNRESET";
    await server.printed(
      lines(starting["03"], "still there?"),
      lines(failed, failed),
    );
  });

  // Linux refuses to send to a broadcast address; others drop it silently.
  test.runIf(process.platform === "linux")(
    "goes on when its answer cannot be sent, and says why",
    async (t) => {
      const server = await serve(t, "03", { faults: [] });
      const socket = await udpSocket(t);
      socket.send("from 127.255.255.255", server.port, HOST);
      const { port } = socket.address();
      await t.expect.poll(() => server.stderr)
        .toBe(lines(client.notSent(port)));
      expect(await udpAsk(t, server.port, "still there?")).toBe(udp.answer);
    },
  );

  test("answers no port below 1024, and goes on when nobody is there", async (t) => {
    const server = await serve(t, "03", { faults: [] });
    const socket = await udpSocket(t);
    for (const port of [0, 1023, 1024]) {
      socket.send(`from port ${port}`, server.port, HOST);
    }
    const refused = lines(client.notAnswered(0), client.notAnswered(1023));
    await t.expect.poll(() => server.stderr).toContain(refused);
    // Bun says that nobody has port 1024. Until then, it loses what it sends.
    if (runtime === "bun") {
      await t.expect.poll(() => server.stderr).toContain("ECONNREFUSED");
    }
    expect(await udpAsk(t, server.port, "still there?")).toBe(udp.answer);
    expect(server.stderr).not.toContain(":1024:");
  });

  test("does not answer its own answer", async (t) => {
    const server = await serve(t, "03");
    // Wine, in Windows' place, takes every sender here for one at HOST.
    const host = onlyOneAddress || windows ? HOST : ELSEWHERE;
    const socket = await udpSocket(t, host);
    const answers = udpInbox(socket);
    socket.send(udp.answer, server.port, HOST);
    expect(await udpAsk(t, server.port, "still there?")).toBe(udp.answer);
    await server.printed(
      lines(starting["03"], udp.answer, "still there?"),
      lines(client.notAnswered(socket.address().port, host)),
    );
    expect(await answers()).toEqual([]);
  });

  // Windows has no signal to send to a process.
  test.skipIf(windows).for(["SIGINT", "SIGTERM"] as const)(
    "ends on %s, also when it comes twice",
    async (signal, t) => {
      const server = await serve(t, "03");
      server.signal(signal);
      server.signal(signal);
      const stdout = lines(starting["03"], ending["03"]);
      expect(await server.ended).toEqual({ status: 0, stdout, stderr: "" });
    },
  );
});
