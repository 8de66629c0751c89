/** What every executor offers, and what types a report. */

import { InlineTaskExecutor } from "../../src/testing/index.js";
import { ProcessTaskPoolExecutor } from "../../src/index.js";
import { isExactly } from "./assert-type.js";
import type { ProcessFuture } from "../../src/index.js";
import type { TaskExecutor } from "../../src/index.js";
import type { TaskOptions } from "../../src/index.js";

declare function add(a: number, b: number): number;

function takesAny(executor: TaskExecutor): void {
  isExactly<ProcessFuture<number>>()(executor.submit(add, 1, 2));
  isExactly<ProcessFuture<number>>()(executor.with({ priority: 1 }).createProcessTask(add, 1, 2));
  // @ts-expect-error an argument is missing
  executor.submit(add, 1);
}

takesAny(new ProcessTaskPoolExecutor());
takesAny(new InlineTaskExecutor());

// Code that takes a pool of processes takes the inline executor.
const pool: ProcessTaskPoolExecutor = new InlineTaskExecutor();

// The parameter of onProgress alone types a report.
pool.with({ onProgress: (value: { percent: number }) => isExactly<number>()(value.percent) });
pool.with({ onProgress: (value) => isExactly<unknown>()(value) });
pool.with({ onProgress: async (_value: number, { skipped }) => isExactly<number>()(skipped) });
const options: TaskOptions = { onProgress: (value: string) => value.length };
pool.with(options);
// @ts-expect-error it is a function
pool.with({ onProgress: 1 });

async function takeProgress(future: ProcessFuture<number>): Promise<void> {
  for await (const value of future.progress) isExactly<unknown>()(value);
}

void takeProgress(pool.submit(add, 1, 2));
