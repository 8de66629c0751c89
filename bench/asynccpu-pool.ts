import { ProcessPoolExecutor } from "asynccpu";
import { createSharedArray } from "asynccpu";

import { JOBS } from "./jobs.js";
import type { Contender } from "./contender.js";

/** asynccpu as a user has it: no option but the number of workers. */
export function openAsynccpu(workers: number): Contender {
  const executor = new ProcessPoolExecutor({ maxWorkers: workers });
  return {
    run: (job, argument) => executor.submit(JOBS[job] as (argument: unknown) => unknown, argument),
    makeShared: (sizeBytes) => createSharedArray(Uint8Array, sizeBytes),
    runMoving: (job, bytes) =>
      executor.with({ transfer: [bytes.buffer] }).submit(JOBS[job] as (argument: unknown) => unknown, bytes),
    close: () => executor.shutdown(),
  };
}
