import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

import type { BullMQTaskHost } from "./host.js";

/** A server that tells how a host is. */
export interface HealthServer {
  readonly port: number;
  close(): void;
}

const OK = 200;
const NOT_FOUND = 404;
const UNAVAILABLE = 503;

/** What Prometheus reads. */
function describe(host: BullMQTaskHost): string {
  const { completedTasks, crashedWorkers, failedTasks, cancelledTasks, queuedTasks, runningTasks } = host.stats();
  const total = "asynccpu_tasks_total";
  return [
    `# HELP ${total} Tasks that have ended on this host.`,
    `# TYPE ${total} counter`,
    `${total}{outcome="completed"} ${completedTasks}`,
    `${total}{outcome="failed"} ${failedTasks}`,
    `${total}{outcome="cancelled"} ${cancelledTasks}`,
    "# HELP asynccpu_crashed_workers_total Worker processes that ended unasked.",
    "# TYPE asynccpu_crashed_workers_total counter",
    `asynccpu_crashed_workers_total ${crashedWorkers}`,
    "# HELP asynccpu_tasks Tasks that this host has now.",
    "# TYPE asynccpu_tasks gauge",
    `asynccpu_tasks{state="running"} ${runningTasks}`,
    `asynccpu_tasks{state="waiting"} ${queuedTasks}`,
    "# HELP asynccpu_jobs How many tasks this host runs at a time.",
    "# TYPE asynccpu_jobs gauge",
    `asynccpu_jobs ${host.serves.jobs}`,
    "",
  ].join("\n");
}

/** Serves `/health` (200 while the host takes tasks, else 503) and `/metrics` on all interfaces. */
export async function serveHealth(host: BullMQTaskHost, port: number): Promise<HealthServer> {
  const server = createServer(({ url }, response) => {
    if (url === "/health") {
      const { isReady } = host;
      response.writeHead(isReady ? OK : UNAVAILABLE).end(isReady ? "ok\n" : "not ready\n");
    } else if (url === "/metrics") {
      response.writeHead(OK, { "content-type": "text/plain; version=0.0.4" }).end(describe(host));
    } else response.writeHead(NOT_FOUND).end();
  });
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
