// What the scripts print, each text once. The README quotes it, too.

import { HOST } from "./peer.ts";
import { runtime } from "./program.ts";

/** Texts as lines. */
export const lines = (...texts: string[]): string =>
  texts.map((text) => `${text}\n`).join("");

/** The first line of each server, and its last. */
export const starting = {
  "01": "Starting server.........",
  "03": "Starting server.........",
  "04": "Starting tcp server.......",
};
export const ending = {
  "01": "Ending server........",
  "03": "Ending server........",
  "04": "Ending tcp server.......",
};

export const udp = {
  message: "I love jingjing",
  answer: "Ich hab keine Hunge",
};

export const tcp = {
  message: "I love wangxiaojing",
  answer: (message: string, port: number, host = HOST): string =>
    `Received msg: ${message} from ('${host}', ${port})`,
};

const STOP_IT = "Stop other servers or change HOST or PORT.";

/** A server whose port another program has. (Bun leaves the port out.) */
export const taken = {
  udp: (port: number): string =>
    `bind EADDRINUSE ${HOST}${runtime === "bun" ? "" : `:${port}`}. ${STOP_IT}`,
  tcp: (port: number): string =>
    `listen EADDRINUSE: address already in use ${HOST}:${port}. ${STOP_IT}`,
};

/** 02 and 05 without an answer, or with a part of it. */
export const noAnswer = {
  udp: (port: number, seconds = 5): string =>
    `No answer from ${HOST}:${port} in ${seconds} seconds. ` +
    "Is the server running?",
  tcp: (port: number, cause: string): string =>
    `No answer from ${HOST}:${port}: ${cause}. Is the server running?`,
  part: (port: number, cause: string): string =>
    `Perhaps only part of the answer from ${HOST}:${port}: ${cause}.`,
  tooLong: (port: number): string => `send EMSGSIZE ${HOST}:${port}`,
};

export const cause = {
  nobody: "ECONNREFUSED",
  reset: "ECONNRESET",
  closed: "connection closed",
  late: (seconds = 10): string => `timed out after ${seconds} seconds`,
};

/** 03 and 04, of one client; 01, too, of an answer that is not sent. */
export const client = {
  notSent: (port: number): string =>
    // Deno does not know the cause
    `send ${runtime === "deno" ? "UNKNOWN" : "EACCES"} 127.255.255.255:${port}`,
  notAnswered: (port: number, host = HOST): string =>
    `${host}:${port}: not answered`,
  reset: (port: number, host = HOST): string =>
    `${host}:${port}: read ECONNRESET`,
  timedOut: (port: number): string => `${HOST}:${port}: timed out`,
};
