/** Runs each case here and in a worker, and tells what differs. */

import { isDeepStrictEqual } from "node:util";
import { inspect } from "node:util";

import { ProcessTaskPoolExecutor } from "asynccpu";

import { changeWhatWasCaptured } from "./functions.ts";
import { classCases } from "./classes.ts";
import { functionCases } from "./functions.ts";
import { importCases } from "./imports.ts";
import type { FunctionCase } from "./case.ts";

/** What every way of running has. */
export const commonCases: readonly FunctionCase[] = [...functionCases, ...classCases, ...importCases];

/** The cases without those that the environment names by how they begin: what the runner or this Node can't do. */
export function withoutLeftOut(cases: readonly FunctionCase[]): readonly FunctionCase[] {
  const leftOut = process.env["ASYNCCPU_TEST_LEFT_OUT"];
  return leftOut === undefined ? cases : cases.filter(({ name }) => !name.startsWith(leftOut));
}

async function outcomeOf(run: () => unknown): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    return `threw ${error instanceof Error ? error.message : inspect(error)}`;
  }
}

/**
 * Runs cases; gives one line for each that went wrong.
 *
 * @param cases - Each is submitted before it is called here, so that what the call changes is not captured.
 */
export async function failuresOf(cases: readonly FunctionCase[]): Promise<string[]> {
  process.env["ASYNCCPU_TEST_CASE"] = "from the environment";
  const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  const failures: string[] = [];
  try {
    const futures = cases.map(({ fn, args }) => executor.createProcessTask(fn, ...(args as never[])));
    const inWorker = futures.map(async (future) => outcomeOf(() => future));
    for (const [index, { name, fn, args, expected }] of cases.entries()) {
      const here = await outcomeOf(() => fn(...(args as never[])));
      const there = await inWorker[index];
      for (const [place, seen] of [
        ["here", here],
        ["in the worker", there],
      ] as const) {
        if (!isDeepStrictEqual(seen, expected)) {
          failures.push(`${name}: ${inspect(seen, { depth: 6 })} ${place}, not ${inspect(expected, { depth: 6 })}`);
        }
      }
    }
    changeWhatWasCaptured();
  } finally {
    await executor.shutdown();
  }
  return failures;
}

/** Runs cases and prints how it went; `ok N` is the last line when all went well. */
export async function report(cases: readonly FunctionCase[]): Promise<void> {
  const failures = await failuresOf(cases);
  for (const failure of failures) console.log(failure);
  console.log(failures.length === 0 ? `ok ${cases.length}` : `${failures.length} of ${cases.length} failed`);
}
