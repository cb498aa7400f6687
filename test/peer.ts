// The other end in a test: plain sockets, without a line of the scripts'.

import dgram from "node:dgram";
import { once } from "node:events";
import net from "node:net";
import type { TestContext } from "vitest";

export const HOST = "127.0.0.1";
export const UDP_PORT = 7852;
export const TCP_PORT = 8998;

// UDP

/** A UDP socket of the test's, bound to a free port or to the one given. */
export async function udpSocket(
  t: TestContext,
  port = 0,
  host = HOST,
): Promise<dgram.Socket> {
  const socket = dgram.createSocket("udp4");
  t.onTestFinished(() => {
    try {
      socket.close();
    } catch {
      // The test has closed it.
    }
  });
  socket.bind(port, host);
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
  message: string | Buffer,
): Promise<string> {
  const socket = await udpSocket(t);
  socket.send(message, UDP_PORT, HOST);
  const [answer] = await once(socket, "message");
  socket.close();
  return String(answer);
}

/** Waits for a server that cannot say when it starts: asks until it answers. */
export async function udpReady(t: TestContext): Promise<void> {
  const socket = await udpSocket(t);
  const again = setInterval(() => socket.send("ready?", UDP_PORT, HOST), 100);
  t.onTestFinished(() => clearInterval(again));
  await once(socket, "message");
  clearInterval(again);
}

// TCP

/** A TCP server of the test's, and what it does with each connection. */
export async function tcpServer(
  t: TestContext,
  accepted: (connection: net.Socket) => void,
  port = TCP_PORT,
): Promise<{ port: number; left: () => Promise<unknown> }> {
  const connections: net.Socket[] = [];
  const leaving: Promise<unknown>[] = [];
  // Half open: it closes its side when it wants to, not when the client does.
  const server = net.createServer({ allowHalfOpen: true }, (connection) => {
    connections.push(connection);
    leaving.push(
      new Promise((resolve) =>
        connection.on("end", resolve).on("close", resolve)
      ),
    );
    connection.on("error", () => {});
    accepted(connection);
    connection.resume();
  });
  t.onTestFinished(() => {
    server.close();
    for (const connection of connections) connection.destroy();
  });
  server.listen(port, HOST);
  await once(server, "listening");
  return {
    port: (server.address() as net.AddressInfo).port,
    /** Waits until each client has closed its side. */
    left: () => Promise.all(leaving),
  };
}

/** A connection to a server: what has come over it, and how it ended. */
export class TcpPeer {
  received = "";
  error = "";
  readonly connection: net.Socket;
  readonly connected: Promise<unknown>;
  readonly ended: Promise<unknown>;
  readonly closed: Promise<unknown>;

  constructor(port: number, host: string) {
    // Half open: it closes its side when the test wants to.
    const connection = net.connect({ port, host, allowHalfOpen: true });
    connection.on("data", (data) => this.received += data);
    connection.on("error", (error: NodeJS.ErrnoException) => {
      this.error = error.code ?? error.message;
    });
    this.connection = connection;
    const event = (name: string) =>
      new Promise((resolve) => connection.on(name, resolve));
    this.connected = event("connect");
    this.ended = event("end");
    this.closed = event("close");
  }

  get port(): number {
    return this.connection.localPort as number;
  }
}

/** A peer whose connection stands. */
export async function tcpConnect(
  t: TestContext,
  port = TCP_PORT,
  host = HOST,
): Promise<TcpPeer> {
  const peer = new TcpPeer(port, host);
  t.onTestFinished(() => {
    peer.connection.destroy();
  });
  await Promise.race([peer.connected, peer.closed]);
  if (peer.error) throw new Error(`no connection to ${port}: ${peer.error}`);
  return peer;
}

/** Waits for a server that cannot say when it starts: asks until it answers. */
export async function tcpReady(t: TestContext): Promise<void> {
  let over = false;
  t.onTestFinished(() => {
    over = true;
  });
  while (!over && !await tcpAsk(t, "ready?").catch(() => null)) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Sends a message and takes the answer until the server closes. */
export async function tcpAsk(
  t: TestContext,
  message: string | Buffer,
  port?: number,
): Promise<{ port: number; answer: string }> {
  const peer = await tcpConnect(t, port);
  const mine = peer.port;
  peer.connection.write(message);
  await Promise.race([peer.ended, peer.closed]);
  peer.connection.end();
  await peer.closed;
  return { port: mine, answer: peer.received + peer.error };
}

// Both

let nextPort = 20_000 + 1_000 * Number(process.env.VITEST_POOL_ID);

/** A free port, below those that the system gives to clients. */
export async function freePort(): Promise<number> {
  const port = nextPort++;
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
