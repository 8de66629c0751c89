/**
 * An HTTP server that says so when it has too much to do: 503 when its queue is full, 504 when a request has waited
 * too long. It asks itself, shows the answers and ends.
 *
 *     npm run build.tests && node build/examples/busy-server.js
 */

import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { ServerResponse } from "node:http";

import { ProcessTaskPoolExecutor } from "asynccpu";
import { QueueFullError } from "asynccpu";
import { QueueTimeoutError } from "asynccpu";

function burn(durationMs: number): string {
  const endMs = Date.now() + durationMs;
  while (Date.now() < endMs);
  return `burnt ${durationMs} ms`;
}

function refuse(response: ServerResponse, error: unknown): void {
  if (error instanceof QueueFullError) response.writeHead(503, { "retry-after": "1" }).end("full");
  else if (error instanceof QueueTimeoutError) response.writeHead(504).end("late");
  else response.writeHead(500).end(String(error));
}

// One request is computed, and two wait, for half a second at most.
await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, maxQueue: 2 });
await executor.warmUp();
const inTime = executor.with({ queueTimeoutMs: 500 });

const server = createServer((request, response) => {
  inTime.createProcessTask(burn, Number(request.url?.slice(1))).then(
    (text) => response.end(text),
    (error: unknown) => refuse(response, error),
  );
});
server.listen(0, "localhost");
await once(server, "listening");
const { port } = server.address() as AddressInfo;

async function ask(durationMs: number): Promise<string> {
  const response = await fetch(`http://localhost:${port}/${durationMs}`, { headers: { connection: "close" } });
  const retryAfter = response.headers.get("retry-after");
  return `${response.status} ${await response.text()}${retryAfter === null ? "" : `, retry after ${retryAfter} s`}`;
}

// The first one takes longer than the next two may wait, and a fourth finds the queue full.
const asked = [ask(2000)];
while (executor.runningTasks.length < 1) await new Promise(setImmediate);
asked.push(ask(10), ask(10));
while (executor.stats().queuedTasks < 2) await new Promise(setImmediate);
asked.push(ask(10));
for (const answer of await Promise.all(asked)) console.log(answer);
console.log(await ask(10));
server.close();
