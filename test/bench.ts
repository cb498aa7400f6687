// npm run bench: what the two servers that run forever cost, each beside the barest server that prints
// and answers the same. Ours and the bare one take turns, so that both meet the same weather.

import { type ChildProcess, fork } from "node:child_process";
import dgram from "node:dgram";
import { once } from "node:events";
import net from "node:net";
import path from "node:path";

const HOST = "127.0.0.1";
const UDP_PORT = 7852;
const TCP_PORT = 8998;
const BARE_UDP_PORT = 17852;
const BARE_TCP_PORT = 18998;

const IN_FLIGHT = 64;
const ROUNDS = 10;
const ROUND = 20_000; // exchanges
const IDLE = 2_000; // connections

const bare: Record<string, () => void> = {
  udp() {
    const socket = dgram.createSocket("udp4", (data, { port, address }) => {
      console.log(data.toString());
      socket.send("Ich hab keine Hunge", port, address);
    });
    socket.bind(BARE_UDP_PORT, HOST, () => console.log("Starting"));
  },
  tcp() {
    const server = net.createServer((connection) => {
      connection.once("data", (data) => {
        const answer =
          `Received msg: ${data} from ('${connection.remoteAddress}', ${connection.remotePort})`;
        console.log(answer);
        connection.end(answer);
      });
    });
    server.listen(BARE_TCP_PORT, HOST, () => console.log("Starting"));
  },
};

interface Usage {
  cpu: NodeJS.CpuUsage;
  memory: number;
}

/** A server in a process of its own, which tells on request what it has used. */
class Server {
  exchanges = 0;
  seconds = 0;
  readonly memory: number[] = [];
  #cpu = 0;
  readonly #child: ChildProcess;

  constructor(file: string, ...args: string[]) {
    const tell = `process.on('message', () =>
      process.send({ cpu: process.cpuUsage(), memory: process.memoryUsage.rss() }))`;
    const execArgv = [
      "--import",
      "tsx",
      "--import",
      `data:text/javascript,${encodeURIComponent(tell)}`,
    ];
    this.#child = fork(file, args, {
      execArgv,
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
  }

  async ready() {
    await once(this.#child.stdout!, "data"); // "Starting"
    this.#child.stdout!.resume();
    this.memory.push((await this.#usage()).memory);
  }

  async #usage(): Promise<Usage> {
    this.#child.send("tell");
    const [usage] = await once(this.#child, "message");
    return usage;
  }

  /** Measures one round of exchanges. */
  async measure(load: () => Promise<void>) {
    const before = await this.#usage();
    const started = performance.now();
    await load();
    this.seconds += (performance.now() - started) / 1000;
    const after = await this.#usage();
    this.#cpu += after.cpu.user - before.cpu.user + after.cpu.system -
      before.cpu.system;
    this.exchanges += ROUND;
    this.memory.push(after.memory);
  }

  get rate() {
    return this.exchanges / this.seconds;
  }

  get cpu() {
    return this.#cpu / this.exchanges;
  }

  kill() {
    this.#child.kill();
  }
}

/** One round over UDP: every answer that comes sends the next message. */
async function udpLoad(port: number) {
  const socket = dgram.createSocket("udp4");
  const send = () => socket.send("I love jingjing", port, HOST);
  let left = ROUND;
  socket.on("message", () => {
    left--;
    if (left >= IN_FLIGHT) send();
    if (left === 0) socket.close();
  });
  for (let i = 0; i < IN_FLIGHT; i++) send();
  await once(socket, "close");
}

/** One round over TCP: every connection that ends opens the next. */
async function tcpLoad(port: number) {
  let left = ROUND;
  const inFlight = Array.from({ length: IN_FLIGHT }, async () => {
    while (left-- > 0) {
      const connection = net.connect(port, HOST);
      connection.write("I love wangxiaojing");
      connection.resume();
      await new Promise((resolve) => connection.on("close", resolve));
    }
  });
  await Promise.all(inFlight);
}

async function hold(count: number): Promise<net.Socket[]> {
  const idle: net.Socket[] = [];
  while (idle.length < count) {
    const some = Array.from({ length: 100 }, () => net.connect(TCP_PORT, HOST));
    await Promise.all(some.map((connection) => once(connection, "connect")));
    idle.push(...some);
  }
  return idle;
}

function compare(title: string, ours: Server, bare: Server) {
  const row = (of: (server: Server) => number, digits = 0) => ({
    ours: Number(of(ours).toFixed(digits)),
    bare: Number(of(bare).toFixed(digits)),
    "ours / bare": Number((of(ours) / of(bare)).toFixed(2)),
  });
  const mib = (index: number) =>
    row(({ memory }) => memory.at(index)! / 2 ** 20, 1);
  console.log(
    `\n${title}, ${IN_FLIGHT} exchanges in flight, ${ROUNDS * ROUND} in all`,
  );
  console.table({
    "exchanges a second": row(({ rate }) => rate),
    "server's CPU time an exchange, µs": row(({ cpu }) => cpu, 1),
    "memory at the start, MiB": mib(0),
    [`memory after ${ROUNDS * ROUND / 2} exchanges, MiB`]: mib(ROUNDS / 2),
    [`memory after ${ROUNDS * ROUND} exchanges, MiB`]: mib(ROUNDS),
  });
}

async function bench() {
  const script = (name: string) =>
    new Server(path.resolve(import.meta.dirname, "..", "scripts", name));
  const bareServer = (kind: string) => new Server(import.meta.filename, kind);

  const udp = [script("03-looping-udp-server.ts"), bareServer("udp")] as const;
  await Promise.all(udp.map((server) => server.ready()));
  for (let i = 0; i < ROUNDS; i++) {
    await udp[0].measure(() => udpLoad(UDP_PORT));
    await udp[1].measure(() => udpLoad(BARE_UDP_PORT));
  }
  compare("03 looping UDP server", ...udp);
  for (const server of udp) server.kill();

  const tcp = [script("04-tcp-server.ts"), bareServer("tcp")] as const;
  await Promise.all(tcp.map((server) => server.ready()));
  for (let i = 0; i < ROUNDS; i++) {
    await tcp[0].measure(() => tcpLoad(TCP_PORT));
    await tcp[1].measure(() => tcpLoad(BARE_TCP_PORT));
  }
  compare("04 TCP server", ...tcp);
  for (const server of tcp) server.kill();

  // Idle connections: a round without, a round with them, and again.
  const seconds = { without: 0, with: 0 };
  const server = script("04-tcp-server.ts");
  await server.ready();
  for (let i = 0; i < ROUNDS / 2; i++) {
    let started = performance.now();
    await tcpLoad(TCP_PORT);
    seconds.without += performance.now() - started;
    const idle = await hold(IDLE);
    started = performance.now();
    await tcpLoad(TCP_PORT);
    seconds.with += performance.now() - started;
    const closed = idle.map((connection) => once(connection, "close"));
    for (const connection of idle) connection.end();
    await Promise.all(closed);
  }
  server.kill();
  console.log(
    `\n04 TCP server, exchanges a second beside ${IDLE} idle connections`,
  );
  const rate = (milliseconds: number) =>
    (ROUND * ROUNDS) / 2 / (milliseconds / 1000);
  console.table({
    "with none": { rate: Math.round(rate(seconds.without)) },
    [`with ${IDLE} idle`]: { rate: Math.round(rate(seconds.with)) },
    "with / none": {
      rate: Number((seconds.without / seconds.with).toFixed(2)),
    },
  });
}

const kind = process.argv[2];
if (kind) bare[kind]!();
else await bench();
