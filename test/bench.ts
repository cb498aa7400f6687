// npm run bench: what 03 and 04 cost, each beside the shortest server that
// prints and answers the same, and 04 with idle connections beside 04 without.

import { fork } from "node:child_process";
import dgram from "node:dgram";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { freePort, HOST } from "./peer.ts";

const ROUND = 10_000; // exchanges, 64 at a time

const shortest = {
  udp(port: number) {
    const socket = dgram.createSocket("udp4", (data, sender) => {
      console.log(data.toString());
      socket.send("Ich hab keine Hunge", sender.port, sender.address);
    });
    socket.bind(port, HOST, () => console.log("Starting"));
  },
  tcp(port: number) {
    const server = net.createServer((client) => {
      client.once("data", (data) => {
        const from = `('${client.remoteAddress}', ${client.remotePort})`;
        console.log(`Received msg: ${data} from ${from}`);
        client.end(`Received msg: ${data} from ${from}`);
      });
    });
    server.listen(port, HOST, () => console.log("Starting"));
  },
};

const clients = {
  async udp(port: number, more: () => boolean) {
    const socket = dgram.createSocket("udp4");
    while (more()) {
      socket.send("I love jingjing", port, HOST);
      await new Promise((answered) => socket.once("message", answered));
    }
    socket.close();
  },
  async tcp(port: number, more: () => boolean) {
    while (more()) {
      const connection = net.connect(port, HOST).resume();
      connection.write("I love wangxiaojing");
      await new Promise((closed) => connection.once("close", closed));
    }
  },
};

type Kind = keyof typeof clients;
type Server = Awaited<ReturnType<typeof start>>;

/** Starts a server: a copy of a script's, or the shortest one. */
async function start(script: string | Kind) {
  const port = await freePort();
  let file = import.meta.filename;
  if (script.endsWith(".ts")) {
    const source = path.join(import.meta.dirname, "..", "scripts", script);
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-"));
    process.on("exit", () => fs.rmSync(folder, { recursive: true }));
    file = path.join(folder, script);
    const text = fs.readFileSync(source, "utf8");
    fs.writeFileSync(file, text.replace(/(?<=^const PORT = )\d+/m, `${port}`));
    fs.writeFileSync(path.join(folder, "package.json"), '{"type":"module"}');
  }
  const tell = "process.on('message', () => process.send(" +
    "[process.cpuUsage(), process.memoryUsage.rss() / 2 ** 20]))";
  const server = fork(file, [script, `${port}`], {
    execArgv: ["--import", "tsx", "--import", `data:text/javascript,${tell}`],
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  process.on("exit", () => server.kill());
  await once(server.stdout as NodeJS.ReadableStream, "data"); // its first line
  server.stdout?.resume();
  const used = async () => {
    server.send("?");
    const [[{ user, system }, memory]] = await once(server, "message");
    return { cpu: user + system, memory };
  };
  return { port, used };
}

/** Has two servers take turns, and prints what each has spent. */
async function compare(kind: Kind, servers: Server[], idle = 0) {
  const rounds = idle ? 6 : 20;
  const sides = servers.map((server, i) => ({
    ...server,
    idle: i ? 0 : idle,
    seconds: 0,
    cpu: 0,
    memory: [0],
  }));
  for (let i = 0; i < rounds; i++) {
    for (const side of i % 2 ? sides.toReversed() : sides) {
      const held = Array.from(
        { length: side.idle },
        () => net.connect(side.port, HOST),
      );
      await Promise.all(held.map((connection) => once(connection, "connect")));
      const before = await side.used();
      const started = performance.now();
      let left = ROUND;
      const client = () => clients[kind](side.port, () => left-- > 0);
      await Promise.all(Array.from({ length: 64 }, client));
      side.seconds += (performance.now() - started) / 1000;
      const after = await side.used();
      side.cpu += after.cpu - before.cpu;
      side.memory.splice(i, 1, before.memory, after.memory);
      for (const connection of held) connection.end().resume();
    }
  }
  const row = (of: (side: typeof sides[0]) => number) => {
    const [ours, other] = sides.map((side) => Math.round(10 * of(side)) / 10);
    return { ours, other, ratio: Number((ours / other).toFixed(2)) };
  };
  console.table({
    "exchanges a second": row(({ seconds }) => rounds * ROUND / seconds),
    "CPU time of each, µs": row(({ cpu }) => cpu / rounds / ROUND),
    "MiB at the start": row(({ memory }) => memory[0]),
    "MiB half way": row(({ memory }) => memory[rounds / 2]),
    "MiB at the end": row(({ memory }) => memory[rounds]),
  });
}

const [kind, port] = process.argv.slice(2);
if (kind) shortest[kind as Kind](Number(port));
else {
  console.log(
    "Three comparisons, in about a minute. Expect ratios near 1, and memory " +
      "that stops growing.\n\n" +
      "03 (ours) and the shortest server that answers the same (other):",
  );
  const udp = await start("03-looping-udp-server.ts");
  await compare("udp", [udp, await start("udp")]);
  console.log(
    "04 (ours) and the shortest server that answers the same (other):",
  );
  const tcp = await start("04-tcp-server.ts");
  await compare("tcp", [tcp, await start("tcp")]);
  console.log("04 with 2,000 idle connections (ours) and without (other):");
  await compare("tcp", [tcp, tcp], 2_000);
  process.exit();
}
