/**
 * Tasks that fail now and then are tried again, urgent ones go first, and a worker that takes too much memory is
 * replaced.
 *
 *     npm run build.tests && node build/examples/retries.js
 */

import { ProcessTaskPoolExecutor } from "asynccpu";
import { WorkerCrashedError } from "asynccpu";

let attempts = 0;

/** Fails twice; the worker keeps the count. */
function fetchReport(name: string): string {
  attempts += 1;
  if (attempts < 3) throw new Error(`${name} is not ready (attempt ${attempts})`);
  return `${name}, at attempt ${attempts}`;
}

function crash(): never {
  return process.kill(process.pid, "SIGKILL") as never;
}

function label(text: string): string {
  return text;
}

await using executor = new ProcessTaskPoolExecutor({
  maxWorkers: 1,
  maxMemoryBytes: { soft: 500_000_000, hard: 1_000_000_000 },
});

const patient = executor.with({ retries: { limit: 5, backoffMs: 10, jitter: 0.5 } });
console.log(await patient.createProcessTask(fetchReport, "the report"));

// Only what died with its worker is worth another attempt here.
const stubborn = executor.with({ retries: { limit: 2, on: "crash" } });
try {
  await stubborn.createProcessTask(crash);
} catch (error) {
  const { attempts: before } = error as { attempts?: unknown[] };
  console.log(error instanceof WorkerCrashedError, `after ${before?.length} other attempts`);
}

// The worker is busy; what waits is ordered by its priority.
const busy = executor.createProcessTask(() => new Promise((resolve) => setTimeout(resolve, 200)));
await busy.started;
const waiting = [
  ["usual", 0],
  ["some day", -1],
  ["urgent", 1],
] as const;
const done = waiting.map(async ([text, priority]) => {
  console.log(await executor.with({ priority }).createProcessTask(label, text));
});
await Promise.all([busy, ...done]);
