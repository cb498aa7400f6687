// npm run bench: what 03 and 04 cost, compared with the shortest servers that
// print and answer the same. It takes about half a minute.

import { fork } from "node:child_process";
import dgram from "node:dgram";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";

const ROUNDS = 10;
const EXCHANGES = 10_000; // in a round, 64 at a time

const shortest = {
  udp: `import dgram from "node:dgram";
    const socket = dgram.createSocket("udp4", (data, { port, address }) => {
      console.log(data.toString());
      socket.send("Ich hab keine Hunge", port, address);
    });
    socket.bind(7852, "127.0.0.1", () => console.log("Starting"));`,
  tcp: `import net from "node:net";
    const server = net.createServer((client) => {
      client.once("data", (data) => {
        const from = \`('\${client.remoteAddress}', \${client.remotePort})\`;
        client.end(\`Received msg: \${data} from \${from}\`);
        console.log(\`Received msg: \${data} from \${from}\`);
      });
    });
    server.listen(8998, "127.0.0.1", () => console.log("Starting"));`,
};

/** Runs a server at a port. It tells the CPU time that it has used. */
async function start(text: string, port: number) {
  const file = path.join(folder, `${port}.mts`);
  fs.writeFileSync(file, text.replace(/7852|8998/, `${port}`));
  const tell = "process.on('message', () => process.send(process.cpuUsage()))";
  const server = fork(file, {
    execArgv: ["--import", "tsx", "--import", `data:text/javascript,${tell}`],
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  process.on("exit", () => server.kill());
  if (server.stdout) await once(server.stdout.resume(), "data"); // "Starting"
  const used = async () => {
    server.send("?");
    const [{ user, system }] = await once(server, "message");
    return user + system;
  };
  return { port, used, sum: 0 };
}

const exchange = {
  udp: async (port: number) => {
    const socket = dgram.createSocket("udp4");
    socket.send("I love jingjing", port, "127.0.0.1");
    await once(socket, "message");
    socket.close();
  },
  tcp: async (port: number) => {
    const connection = net.connect(port, "127.0.0.1").resume();
    connection.write("I love wangxiaojing");
    await once(connection, "close");
  },
};

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-"));
process.on("exit", () => fs.rmSync(folder, { recursive: true }));

for (const kind of ["udp", "tcp"] as const) {
  const name = kind === "udp" ? "03-looping-udp-server" : "04-tcp-server";
  const text = fs.readFileSync(`scripts/${name}.ts`, "utf8");
  const servers = [await start(text, 7850), await start(shortest[kind], 7851)];
  for (const server of Array(ROUNDS).fill(servers).flat()) {
    const before = await server.used();
    let left = EXCHANGES;
    const client = async () => {
      while (left-- > 0) await exchange[kind](server.port);
    };
    await Promise.all(Array.from({ length: 64 }, client));
    server.sum += await server.used() - before;
  }
  const [script, other] = servers
    .map(({ sum }) => (sum / ROUNDS / EXCHANGES).toFixed());
  console.log(
    `CPU time of an exchange: ${name} ${script} µs, other ${other} µs`,
  );
}
process.exit();
