// The limits of 5, 10 and 30 seconds, for real and all at the same time. The
// scripts are copies with a port of their own, so that the other tests can run
// beside them.

import { once } from "node:events";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { cause, client, lines, noAnswer, tcp } from "./expected.ts";
import {
  freePort,
  tcpAsk,
  tcpConnect,
  type TcpPeer,
  tcpServer,
  udpSocket,
} from "./peer.ts";
import { copy, folder, run, serve } from "./program.ts";

const seconds = (since: number) => (performance.now() - since) / 1000;

// Not too early, counted from the start of what has the limit; not too late,
// counted from when the test saw it run, with some time for a busy machine.
const EARLY = -0.01;
const LATE = 4;

test.concurrent(
  "04 ends a connection after 30 seconds, whatever its client does",
  {
    timeout: 90_000,
  },
  async (t) => {
    const port = await freePort();
    const server = await serve(t, copy("04-tcp-server.ts", folder(t), port));
    const started = performance.now();
    const connect = () => tcpConnect(t, port);
    const [silent, sending, late] = await Promise.all([
      connect(),
      connect(),
      connect(),
    ]);
    const connected = performance.now();
    const sendOn = ({ connection }: TcpPeer) =>
      setInterval(() => connection.write("more"), 100);
    const stop = [sendOn(sending)];
    setTimeout(() => late.connection.write("late"), 10_000);

    await Promise.all([silent, sending, late].map(async (peer) => {
      const timedOut = client.timedOut(peer.port);
      await server.until(({ stderr }) => stderr.includes(timedOut), 60_000);
      expect(seconds(started)).toBeGreaterThan(30 + EARLY);
      expect(seconds(connected)).toBeLessThan(30 + LATE);
      // Ended means both sides: who still sends to it is told.
      await Promise.race([peer.ended, peer.closed]);
      stop.push(sendOn(peer));
      await peer.closed;
    }));
    for (const interval of stop) clearInterval(interval);

    expect(silent.received).toBe("");
    expect(late.received).toMatch(/^Received msg: late from/);
    const { port: mine, answer } = await tcpAsk(t, "still there?", port);
    expect(answer).toBe(tcp.answer("still there?", mine));
  },
);

test.concurrent.for<[string, (connection: Socket) => void, string]>([
  ["is silent", () => {}, ""],
  ["answers and does not close", (server) => server.write("a part"), "a part"],
  ["sends a byte now and then", (server) => {
    const more = setInterval(() => server.write("x"), 500);
    server.on("close", () => clearInterval(more));
  }, "x"],
])("05 gives up after 10 seconds when the server %s", {
  timeout: 60_000,
}, async ([, accepted, part], t) => {
  let connected = 0;
  const { port } = await tcpServer(t, (connection) => {
    connected = performance.now();
    accepted(connection);
  }, 0);
  const script = copy("05-tcp-client.ts", folder(t), port);
  const started = performance.now();
  const { status, stdout, stderr } = await run(t, script);
  expect(seconds(started)).toBeGreaterThan(10 + EARLY);
  expect(seconds(connected)).toBeLessThan(10 + LATE);
  const said = part ? noAnswer.notWhole : noAnswer.tcp;
  expect({ status, stderr })
    .toEqual({ status: 1, stderr: lines(said(cause.late, port)) });
  expect(stdout.replace(/x+/, "x")).toBe(part && lines(part));
});

test.concurrent.for([true, false])(
  "02 gives up after 5 seconds without an answer (a program there: %s)",
  { timeout: 60_000 },
  async (there, t) => {
    const silent = await udpSocket(t);
    const { port } = silent.address();
    let sent = performance.now();
    if (there) once(silent, "message").then(() => sent = performance.now());
    else silent.close();
    const script = copy("02-udp-client.ts", folder(t), port);
    const started = performance.now();
    const end = await run(t, script);
    expect(seconds(started)).toBeGreaterThan(5 + EARLY);
    if (there) expect(seconds(sent)).toBeLessThan(5 + LATE);
    const stderr = lines(noAnswer.udp(port));
    expect(end).toEqual({ status: 1, stdout: "", stderr });
  },
);
