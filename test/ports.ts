// The first part of `npm test`: the tests run the scripts on the ports that
// these have, and nobody else may be there.

import dgram from "node:dgram";
import { once } from "node:events";
import net from "node:net";
import { HOST, TCP_PORT, UDP_PORT } from "./peer.ts";

const ports = {
  [`UDP ${HOST}:${UDP_PORT}`]: () =>
    dgram.createSocket("udp4").bind(UDP_PORT, HOST),
  [`TCP ${HOST}:${TCP_PORT}`]: () => net.createServer().listen(TCP_PORT, HOST),
};
for (const [address, take] of Object.entries(ports)) {
  const socket = take();
  try {
    await once(socket, "listening");
  } catch (error) {
    console.error(
      `The tests need ${address} (${(error as Error).message}). ` +
        "Stop the server that you have running there, then run them again.",
    );
    process.exit(1);
  }
  socket.close();
}
