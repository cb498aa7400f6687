// npm run bench: the CPU time of an exchange with 03 and 04, and with the shortest
// servers that print and answer the same. It takes about half a minute.

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
    const server = net.createServer((client) => client.once("data", (data) => {
      const from = client.remoteAddress + "', " + client.remotePort;
      client.end("Received msg: " + data + " from ('" + from + ")");
      console.log("Received msg: " + data + " from ('" + from + ")");
    }));
    server.listen(8998, "127.0.0.1", () => console.log("Starting"));`,
};

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-"));
process.on("exit", () => fs.rmSync(folder, { recursive: true }));

/** Runs a server at a port. It tells the CPU time that it has used. */
async function start(text: string, port: number) {
  const file = path.join(folder, `${port}.mts`);
  const tell = "process.on('message', () => process.send(process.cpuUsage()));";
  fs.writeFileSync(file, text.replace(/7852|8998/, `${port}`) + tell);
  const server = fork(file, { execArgv: ["--import", "tsx"], silent: true });
  process.on("exit", () => server.kill());
  await once(server.stdout?.resume() ?? server, "data"); // "Starting"
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

for (const kind of ["udp", "tcp"] as const) {
  const name = { udp: "03-looping-udp-server", tcp: "04-tcp-server" }[kind];
  const text = fs.readFileSync(`scripts/${name}.ts`, "utf8");
  const servers = [await start(text, 7850), await start(shortest[kind], 7851)];
  for (const server of Array(ROUNDS).fill(servers).flat()) {
    server.sum -= await server.used();
    let left = EXCHANGES;
    const client = async () => {
      while (left-- > 0) await exchange[kind](server.port);
    };
    await Promise.all(Array.from({ length: 64 }, client));
    server.sum += await server.used();
  }
  const [one, other] = servers.map(({ sum }) => sum / ROUNDS / EXCHANGES);
  console.log(`${name}: ${one.toFixed()} µs, shortest: ${other.toFixed()} µs`);
}
process.exit();
