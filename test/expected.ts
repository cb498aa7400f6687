// What the scripts print, each text once. The README quotes it, too.

import { HOST, TCP_PORT, UDP_PORT } from "./peer.ts";
import { runtime } from "./program.ts";

/** Texts as lines. */
export const lines = (...texts: string[]): string =>
  texts.map((text) => `${text}\n`).join("");

export const udp = {
  starting: "Starting server.........",
  ending: "Ending server........",
  message: "I love jingjing",
  answer: "Ich hab keine Hunge",
};

export const tcp = {
  starting: "Starting tcp server.......",
  ending: "Ending tcp server.......",
  message: "I love wangxiaojing",
  answer: (message: string, port: number): string =>
    `Received msg: ${message} from ('${HOST}', ${port})`,
};

const cannotServe = (address: string, cause: string) =>
  `Cannot serve ${address} (${cause}). If another server is running there, ` +
  "stop it with Ctrl+C, then start this one again.";

/** 01, 03 and 04 where another program has the port. */
export const taken = {
  udp: cannotServe(
    `UDP ${HOST}:${UDP_PORT}`,
    // Bun leaves the port out.
    `bind EADDRINUSE ${HOST}${runtime === "bun" ? "" : `:${UDP_PORT}`}`,
  ),
  tcp: cannotServe(
    `TCP ${HOST}:${TCP_PORT}`,
    `listen EADDRINUSE: address already in use ${HOST}:${TCP_PORT}`,
  ),
};

/** 02 and 05 without an answer. */
export const noAnswer = {
  udp: (port = UDP_PORT): string =>
    `No answer from UDP ${HOST}:${port} (timed out after 5 seconds). ` +
    "Is 01-udp-server.ts or 03-looping-udp-server.ts running there? " +
    "Start it first.",
  notSent: (cause: string): string =>
    `No answer from UDP ${HOST}:${UDP_PORT} (${cause}). ` +
    "Message too long, address wrong, or no port free?",
  tcp: (cause: string, port = TCP_PORT): string =>
    `No answer from TCP ${HOST}:${port} (${cause}). ` +
    "Is 04-tcp-server.ts running there? Start it first.",
  notWhole: (cause: string, port = TCP_PORT): string =>
    `Perhaps not the whole answer from TCP ${HOST}:${port} (${cause}). ` +
    "Is 04-tcp-server.ts running there? Start it first.",
};

export const cause = {
  tooLong: `send EMSGSIZE ${HOST}:${UDP_PORT}`,
  nobody: `connect ECONNREFUSED ${HOST}:${TCP_PORT}`,
  reset: "read ECONNRESET",
  closed: "connection closed",
  late: "timed out after 10 seconds",
};

/** 03 and 04, of one client. */
export const client = {
  notAnswered: (port: number): string => `${HOST}:${port}: not answered`,
  reset: (port: number): string => `${HOST}:${port}: read ECONNRESET`,
  timedOut: (port: number): string => `${HOST}:${port}: timed out`,
};
