// The other end in the tests: plain sockets.

import dgram from "node:dgram";
import { once } from "node:events";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { HOST, type Server } from "./program.ts";

/** Waits at most 10 seconds for what does not depend on a script. */
export async function soon<T>(what: string, event: Promise<T>): Promise<T> {
  const late = sleep(10_000, undefined, { ref: false }).then(() => {
    throw new Error(`10 seconds passed, and there is not ${what}`);
  });
  return await Promise.race([event, late]);
}

type Data = string | Buffer;
export type Message = [name: string, data: Buffer, text: string];

/** Messages for a receiver that takes up to limit bytes, and what it prints. */
export const messages = (limit: number): Message[] => {
  const almost = "x".repeat(limit - 1);
  return [
    ["no bytes", Buffer.alloc(0), ""],
    ["white space", Buffer.from("\n 我 ❤️ 你 \n"), "\n 我 ❤️ 你 \n"],
    ["invalid UTF-8", Buffer.from([0x61, 0xff, 0x62]), "a�b"],
    ["too many bytes", Buffer.from(`${almost} yz`), `${almost} `],
    ["a character cut by the limit", Buffer.from(`${almost}我`), `${almost}�`],
  ];
};

/** A UDP socket, bound to a free port, and the texts that have come to it. */
export async function udpPeer(host = HOST) {
  const socket = dgram.createSocket("udp4");
  onTestFinished(() => void socket.close());
  socket.bind(0, host);
  await once(socket, "listening");
  const { port } = socket.address();
  const received: string[] = [];
  socket.on("message", (data) => received.push(String(data)));
  socket.on("error", () => {}); // Windows reports that no program is there.
  /** The next datagram, and its sender. */
  const next = () =>
    once(socket, "message") as Promise<[Buffer, dgram.RemoteInfo]>;
  return {
    socket,
    port,
    next,
    /** The texts that came before the one that it now sends to itself. */
    received: async () => {
      socket.send("the last", port, host);
      while (received.at(-1) !== "the last") await soon("the last", next());
      return received.slice(0, -1);
    },
  };
}

/** Sends a message to a UDP server, and waits for the answer. */
export async function udpAsk(server: Server, message: Data) {
  const { socket, next } = await udpPeer();
  socket.send(message, server.port, HOST);
  const [answer] = await server.until("an answer", next());
  return String(answer);
}

/** A connection, what has come over it, and how it has ended. */
function observe(socket: net.Socket) {
  onTestFinished(() => void socket.destroy());
  const event = (name: string) =>
    new Promise<void>((resolve) => socket.on(name, resolve));
  const closed = event("close");
  const connection = {
    socket,
    received: "",
    error: "",
    /** The other side, or the whole connection, is closed. */
    ended: Promise.race([event("end"), closed]),
    closed,
  };
  socket.setEncoding("utf8").on("data", (text) => connection.received += text);
  socket.on("error", (error: NodeJS.ErrnoException) => {
    connection.error = error.code ?? error.message;
  });
  return connection;
}
type Connection = ReturnType<typeof observe>;

// A side closes when the test wants it to, not when the other side does.
const allowHalfOpen = true;

/** Connects to a TCP server. */
export async function connect(port: number, localAddress = HOST) {
  const socket = net.connect({ port, host: HOST, localAddress, allowHalfOpen });
  const connection = observe(socket);
  await soon("a connection", once(socket, "connect"));
  return Object.assign(connection, { port: socket.localPort as number });
}

/** Sends a message to a TCP server, and takes the answer until it closes. */
export async function tcpAsk(server: Server, message: Data, from = HOST) {
  const connection = await connect(server.port, from);
  connection.socket.write(message);
  await server.until("the end of an answer", connection.ended);
  connection.socket.end();
  await server.until("the end of a connection", connection.closed);
  const { received, error, port } = connection;
  return { answer: received + error, port };
}

/** A TCP server on a free port, and what it does with each connection. */
export async function tcpPeer(
  accepted: (connection: Connection) => void = () => {},
  host = HOST,
) {
  const connections: Connection[] = [];
  const server = net.createServer({ allowHalfOpen }, (socket) => {
    const connection = observe(socket);
    connections.push(connection);
    accepted(connection);
  });
  onTestFinished(() => void server.close());
  server.listen(0, host);
  await once(server, "listening");
  return { port: (server.address() as net.AddressInfo).port, connections };
}
