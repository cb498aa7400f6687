// The other end in a test: plain sockets, without a line of the scripts'.

import dgram from "node:dgram";
import { once } from "node:events";
import net from "node:net";
import type { TestContext } from "vitest";

export const HOST = "127.0.0.1";

/** Another address of this machine. Linux and Windows have it, macOS not. */
export const ELSEWHERE = "127.0.0.2";
export const onlyOneAddress = process.platform === "darwin";

/** A UDP socket, bound to a free port. */
export async function udpSocket(
  t: TestContext,
  host = HOST,
  reuseAddr = false,
): Promise<dgram.Socket> {
  const socket = dgram.createSocket({ type: "udp4", reuseAddr });
  t.onTestFinished(() => {
    socket.close();
  });
  socket.bind(0, host);
  await once(socket, "listening");
  socket.on("error", () => {}); // Windows': a datagram found nobody
  return socket;
}

/** Collects what comes to a socket, and gives it as of the moment of asking. */
export function udpInbox(socket: dgram.Socket): () => Promise<string[]> {
  const texts: string[] = [];
  socket.on("message", (data) => texts.push(String(data)));
  return async () => {
    // What it sends itself is behind all that has come before.
    const { port, address } = socket.address();
    socket.send("THAT IS ALL", port, address);
    while (texts.at(-1) !== "THAT IS ALL") await once(socket, "message");
    return texts.slice(0, -1);
  };
}

/** Sends a datagram to a server and gives its answer. */
export async function udpAsk(
  t: TestContext,
  port: number,
  message: string,
): Promise<string> {
  const socket = await udpSocket(t);
  socket.send(message, port, HOST);
  const [answer] = await once(socket, "message");
  return String(answer);
}

/** A TCP server on a free port, and what it does with each connection. */
export async function tcpServer(
  t: TestContext,
  accepted: (connection: net.Socket) => void,
): Promise<{ port: number; received: () => Promise<string> }> {
  const received: Promise<string>[] = [];
  // Half open: it closes its side when it wants to, not when the client does.
  const server = net.createServer({ allowHalfOpen: true }, (connection) => {
    t.onTestFinished(() => {
      connection.destroy();
    });
    let text = "";
    connection.setEncoding("utf8").on("data", (piece) => text += piece);
    connection.on("error", () => {});
    received.push(
      new Promise((resolve) => {
        const left = () => resolve(text);
        connection.on("end", left).on("close", left);
      }),
    );
    accepted(connection);
  });
  t.onTestFinished(() => {
    server.close();
  });
  server.listen(0, HOST);
  await once(server, "listening");
  return {
    port: (server.address() as net.AddressInfo).port,
    /** All that has come, when every client has closed its side. */
    received: async () => (await Promise.all(received)).join(),
  };
}

/** A connection to a server: what has come over it, and how it ended. */
export interface TcpPeer {
  connection: net.Socket;
  port: number;
  received: string;
  error: string;
  /** The server has closed its side, or the connection is closed. */
  ended: Promise<unknown>;
  closed: Promise<unknown>;
}

/** Connects to a server. */
export async function tcpConnect(
  t: TestContext,
  port: number,
  localAddress = HOST,
): Promise<TcpPeer> {
  // Half open: it closes its side when the test wants to.
  const options = { port, host: HOST, localAddress, allowHalfOpen: true };
  const connection = net.connect(options);
  t.onTestFinished(() => {
    connection.destroy();
  });
  await once(connection, "connect");
  const event = (name: string) =>
    new Promise((resolve) => connection.on(name, resolve));
  const closed = event("close");
  const peer: TcpPeer = {
    connection,
    port: connection.localPort as number,
    received: "",
    error: "",
    ended: Promise.race([event("end"), closed]),
    closed,
  };
  connection.on("data", (data) => peer.received += data);
  connection.on("error", (error: NodeJS.ErrnoException) => {
    peer.error = error.code ?? error.message;
  });
  return peer;
}

/** Sends a message and takes the answer until the server closes. */
export async function tcpAsk(
  t: TestContext,
  port: number,
  message: string | Buffer,
  localAddress?: string,
): Promise<{ port: number; answer: string }> {
  const peer = await tcpConnect(t, port, localAddress);
  peer.connection.write(message);
  await peer.ended;
  peer.connection.end();
  await peer.closed;
  return { port: peer.port, answer: peer.received + peer.error };
}

// Each worker of Vitest's looks in a thousand of its own, below the ports that
// a system gives to clients.
const pool = Number(process.env.VITEST_POOL_ID ?? 0);
const lowest = 10_000 + 1_000 * (pool % 20);
let next = Math.floor(Math.random() * 1_000);

/** A free port. */
export async function freePort(): Promise<number> {
  const port = lowest + next++ % 1_000;
  const udp = dgram.createSocket("udp4").bind(port, HOST);
  const tcp = net.createServer().listen(port, HOST);
  try {
    await Promise.all([once(udp, "listening"), once(tcp, "listening")]);
    return port;
  } catch {
    return freePort();
  } finally {
    udp.close();
    tcp.close();
  }
}
