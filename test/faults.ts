// Runs a script, and makes happen to it what a test could make happen only as
// root, on another system, or not at all:
//
//   faults.ts SCRIPT    A datagram "from port 7" or "from 127.255.255.255" is
//                       taken for one from there. (Such a sender is forged, with
//                       a raw socket.) One that says "fail" is a receive that
//                       fails. (That is how Windows and Bun tell the sender of
//                       an answer that nobody was there.)
//   faults.ts SCRIPT exhausted
//                       When it makes its socket, the process has as many files
//                       open as it may.

import dgram from "node:dgram";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { pathToFileURL } from "node:url";

// The script is to see the command line that it has without us.
const [script, exhausted] = process.argv.splice(2, 2);

// deno-lint-ignore no-explicit-any -- any arguments, passed on
type Any = any[];

const { emit } = dgram.Socket.prototype as { emit: (...args: Any) => boolean };
dgram.Socket.prototype.emit = function (event: string, ...args: Any) {
  if (event === "message") {
    const [data, sender] = args;
    const text = String(data);
    const [, port, address] = /^from (?:port (\d+)|([\d.]+))$/.exec(text) ?? [];
    if (port) sender.port = Number(port);
    if (address) sender.address = address;
    if (text === "fail") {
      return emit.call(this, "error", new Error("recvmsg ECONNRESET"));
    }
  }
  return emit.call(this, event, ...args);
};

if (exhausted) {
  const exhaust = () => {
    try {
      while (true) fs.openSync(import.meta.filename, "r");
    } catch {
      // That was the last one.
    }
  };
  const { createSocket } = dgram;
  dgram.createSocket = (...args: Any) => {
    exhaust();
    return createSocket(...args as Parameters<typeof createSocket>);
  };
  const { connect } = net.Socket.prototype as {
    connect: (...args: Any) => net.Socket;
  };
  net.Socket.prototype.connect = function (...args: Any) {
    exhaust();
    return connect.apply(this, args);
  };
}

const file = path.resolve(import.meta.dirname, "..", "scripts", script);
await import(pathToFileURL(file).href);
