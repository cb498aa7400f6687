// Runs a UDP server that takes a datagram "from port 0", or "from 127.255.255.255", for one whose
// sender is just that. Such a sender can only be forged, with a raw socket, and that takes root: here
// the datagram is real, and its sender is changed where Node hands it to the script.

import dgram from 'node:dgram';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const { emit } = dgram.Socket.prototype as { emit: (...args: any[]) => boolean };
dgram.Socket.prototype.emit = function (event: string, ...args: any[]) {
  if (event === 'message') {
    const [data, sender] = args;
    const [, port, address] = /^from (?:port (\d+)|([\d.]+))$/.exec(String(data)) ?? [];
    if (port) sender.port = Number(port);
    if (address) sender.address = address;
  }
  return emit.call(this, event, ...args);
};

await import(pathToFileURL(path.resolve(import.meta.dirname, '..', 'scripts', process.argv[2]!)).href);
