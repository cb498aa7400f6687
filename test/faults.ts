// Runs a script, and makes happen to it what a test could make happen only as
// root, on another system, or not at all:
//
//   faults.ts SCRIPT    A datagram "from port 7" or "from 127.255.255.255" is
//                       taken for one from there. (Such a sender is forged, with
//                       a raw socket.) One that says "fail" is a receive that
//                       fails. (That is how Windows and Bun tell the sender of
//                       an answer that nobody was there.) Before every
//                       connection an accept fails.
//   faults.ts SCRIPT exhausted
//                       When it makes its socket, the process has as many files
//                       open as it may.

import dgram from "node:dgram";
import fs from "node:fs";
import net from "node:net";
import { pathToFileURL } from "node:url";

// The script is to see the command line that it has without us.
const [script, exhausted] = process.argv.splice(2, 2);

// deno-lint-ignore no-explicit-any -- any arguments, passed on
type Any = any;

/** Has a function do something before it does what it always does. */
function before(
  of: Any,
  name: string,
  first: (self: Any, args: Any[]) => void,
) {
  const original = of[name];
  of[name] = function (...args: Any[]) {
    first(this, args);
    return original.apply(this, args);
  };
}

before(dgram.Socket.prototype, "emit", (_, args) => {
  const [event, data, sender] = args;
  if (event !== "message") return;
  const [, port, address] = /^from (?:port (\d+)|([\d.]+))$/.exec(data) ?? [];
  if (port) sender.port = Number(port);
  if (address) sender.address = address;
  if (String(data) === "fail") {
    args.splice(0, 3, "error", new Error("recvmsg ECONNRESET"));
  }
});

before(net.Server.prototype, "emit", (server, [event]) => {
  if (event === "connection") server.emit("error", new Error("accept EMFILE"));
});

function exhaust() {
  try {
    while (true) fs.openSync(import.meta.filename, "r");
  } catch {
    // That was the last one.
  }
}
if (exhausted) {
  const untilThen = () => {
    exhaust();
    process.nextTick(exhaust); // what tsx has closed in between
  };
  before(dgram, "createSocket", untilThen);
  before(net.Socket.prototype, "connect", untilThen);
}

await import(pathToFileURL(script).href);
