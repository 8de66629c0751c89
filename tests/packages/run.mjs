// Runs the calls of a case here and in a worker, and prints both outcomes as one line of JSON.

import { writeSync } from "node:fs";

import { ProcessTaskPoolExecutor } from "asynccpu";

async function outcomeOf(call) {
  try {
    return { value: await call() };
  } catch (error) {
    return { error: `${error?.name}: ${error?.message}` };
  }
}

/** A call that can't be sent, with a part of its error's message. */
export function refused(message, ...call) {
  return { message, call };
}

async function outcomeHere(entry) {
  if (Array.isArray(entry)) return outcomeOf(() => entry[0](...entry.slice(1)));
  return { error: entry.message };
}

async function outcomeThere(executor, entry) {
  if (Array.isArray(entry)) return outcomeOf(() => executor.createProcessTask(...entry));
  const outcome = await outcomeOf(() => executor.createProcessTask(...entry.call));
  return outcome.error?.includes(entry.message) ? { error: entry.message } : outcome;
}

/**
 * Each call is a list: the function and its arguments. In the second round the worker has the functions already, and
 * this process has called them, too.
 */
export async function run(...calls) {
  return runWith({}, ...calls);
}

/** The same with options of the executor. */
export async function runWith(options, ...calls) {
  const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, ...options });
  const callThere = async () => Promise.all(calls.map((entry) => outcomeThere(executor, entry)));
  try {
    const there = [await callThere()];
    const here = [];
    for (const entry of calls) here.push(await outcomeHere(entry));
    there.push(await callThere());
    await executor.shutdown();
    // Through JSON both look the same: a property that is undefined is none.
    writeSync(1, `\n${JSON.stringify({ here, there })}\n`);
  } finally {
    await executor.shutdown();
  }
}
