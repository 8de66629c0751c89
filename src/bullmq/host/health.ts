import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { ServerResponse } from "node:http";

import { describeMetrics } from "./metrics.js";
import type { BullMQTaskHost } from "./host.js";

/** A server that tells how a host is. */
export interface HealthServer {
  readonly port: number;
  close(): void;
}

const OK = 200;
const NOT_FOUND = 404;
const UNAVAILABLE = 503;

async function answer(host: BullMQTaskHost, url: string | undefined, response: ServerResponse): Promise<void> {
  if (url === "/live") response.writeHead(OK).end("ok\n");
  else if (url === "/health") {
    const { isReady } = host;
    response.writeHead(isReady ? OK : UNAVAILABLE).end(isReady ? "ok\n" : "not ready\n");
  } else if (url === "/metrics") {
    const metrics = await describeMetrics(host);
    response.writeHead(OK, { "content-type": "text/plain; version=0.0.4" }).end(metrics);
  } else response.writeHead(NOT_FOUND).end();
}

/**
 * Serves `/health` (200 while the host takes tasks, else 503), `/live` (200 while its event loop turns) and
 * `/metrics`, on all interfaces.
 */
export async function serveHealth(host: BullMQTaskHost, port: number): Promise<HealthServer> {
  const server = createServer(({ url }, response) => void answer(host, url, response));
  server.listen(port);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
