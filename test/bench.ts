// npm run bench: what 03 and 04 cost, each beside the shortest server that
// prints and answers the same, and 04 with idle connections beside 04 without.

import { fork } from "node:child_process";
import dgram from "node:dgram";
import { once } from "node:events";
import net from "node:net";
import { HOST, TCP_PORT, UDP_PORT } from "./peer.ts";

const PORTS = { udp: UDP_PORT, tcp: TCP_PORT };
const SHORTEST = 10_000; // what the port of such a server is higher by
const ROUND = 10_000; // exchanges, 64 at a time

const shortest = {
  udp() {
    const socket = dgram.createSocket("udp4", (data, { port, address }) => {
      console.log(data.toString());
      socket.send("Ich hab keine Hunge", port, address);
    });
    socket.bind(UDP_PORT + SHORTEST, HOST, () => console.log("Starting"));
  },
  tcp() {
    const server = net.createServer((client) => {
      client.once("data", (data) => {
        const from = `('${client.remoteAddress}', ${client.remotePort})`;
        console.log(`Received msg: ${data} from ${from}`);
        client.end(`Received msg: ${data} from ${from}`);
      });
    });
    server.listen(TCP_PORT + SHORTEST, HOST, () => console.log("Starting"));
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

type Kind = "udp" | "tcp";
type Used = Awaited<ReturnType<typeof start>>;

/** Starts a server, and gives what tells its CPU time and memory so far. */
async function start(file: string, ...args: string[]) {
  const tell = "process.on('message', () => process.send(" +
    "[process.cpuUsage(), process.memoryUsage.rss() / 2 ** 20]))";
  const server = fork(`${import.meta.dirname}/${file}`, args, {
    execArgv: ["--import", "tsx", "--import", `data:text/javascript,${tell}`],
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  process.on("exit", () => server.kill());
  await once(server.stdout as NodeJS.ReadableStream, "data"); // "Starting"
  server.stdout?.resume();
  return async () => {
    server.send("?");
    const [[{ user, system }, memory]] = await once(server, "message");
    return { cpu: user + system, memory };
  };
}

/** Has two servers take turns, and prints what each has spent. */
async function compare(title: string, kind: Kind, servers: Used[], idle = 0) {
  const rounds = idle ? 6 : 20;
  const sides = servers.map((used, i) => ({
    used,
    port: PORTS[kind] + (i && !idle ? SHORTEST : 0),
    idle: i ? 0 : idle,
    seconds: 0,
    cpu: 0,
    memory: [0],
  }));
  for (let i = 0; i < rounds; i++) {
    console.log(`${title}: round ${i + 1} of ${rounds}`);
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
  console.log(`${title}, ${rounds * ROUND} exchanges each.`);
  console.log("Expect ratios near 1, and memory that stops growing.\n");
}

const kind = process.argv[2] as Kind | undefined;
if (kind) shortest[kind]();
else {
  const than = "(ours) and the shortest server that answers the same (other)";
  const udp = await start("../scripts/03-looping-udp-server.ts");
  await compare(`03 ${than}`, "udp", [udp, await start("bench.ts", "udp")]);
  const tcp = await start("../scripts/04-tcp-server.ts");
  await compare(`04 ${than}`, "tcp", [tcp, await start("bench.ts", "tcp")]);
  const idle = "04 with 2,000 idle connections (ours) and without (other)";
  await compare(idle, "tcp", [tcp, tcp], 2_000);
  process.exit();
}
