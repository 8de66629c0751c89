/** Cancelling and shutting down at random moments; a failing test prints its seed. */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";

import { CancelledError } from "asynccpu";
import { ExecutorShutdownError } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import type { ProcessFuture } from "asynccpu";

import { isAlive } from "../testlibraries/process-inspection.js";
import { processId } from "../fixtures/tasks.js";
import { spinUntilAborted } from "../fixtures/tasks.js";

const seed = Number(process.env["ASYNCCPU_SOAK_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
let state = seed;

/** A linear congruential generator: good enough to choose moments. */
function random(): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

function work(i: number): Promise<number> | number {
  return i % 3 === 0 ? i : new Promise((resolve) => setTimeout(resolve, i % 7, i));
}

test(`a thousand cancels at random moments: each task has its result or is cancelled (seed ${seed})`, async (t) => {
  t.diagnostic(`seed ${seed}`);
  const executor = new ProcessTaskPoolExecutor({ maxWorkers: 3, graceMs: 20 });
  const checks: Promise<void>[] = [];
  const check = async (
    future: ProcessFuture<number>,
    i: number,
    saidYes: () => boolean | undefined,
  ): Promise<void> => {
    const error = await future.exception();
    assert.equal(future.done, true);
    if (error === undefined) {
      assert.notEqual(saidYes(), true, `task ${i} said that it is cancelled`);
      assert.equal(await future, i);
    } else {
      assert.ok(error instanceof CancelledError, `task ${i} failed otherwise`);
      assert.deepEqual([future.cancelled, saidYes()], [true, true]);
    }
  };
  for (let i = 0; i < 1000; i += 1) {
    let answer: boolean | undefined;
    const future = executor.createProcessTask(work, i);
    checks.push(check(future, i, () => answer));
    const cancel = (): void => {
      answer = future.cancel(i);
    };
    const dice = random();
    if (dice < 0.2) cancel();
    else if (dice < 0.4) setImmediate(cancel);
    else if (dice < 0.6) void future.started.then(cancel, () => {});
    else setTimeout(cancel, random() * 200);
    if (i % 10 === 0) await sleep(random() * 10);
  }
  await Promise.all(checks);
  assert.equal(await executor.submit(work, 3), 3);
  await executor.shutdown();
});

test(`shutdown at random moments, twice, in any manner, settles every task and leaves no process (seed ${seed})`, async () => {
  for (let round = 0; round < 25; round += 1) {
    const executor = new ProcessTaskPoolExecutor({
      maxWorkers: 2,
      graceMs: Math.floor(random() * 60),
      cancelTasksWhenShutdown: random() < 0.5,
      ...(random() < 0.3 ? { maxTasksPerChild: 1 } : {}),
    });
    const pids = new Set<number>();
    const futures: ProcessFuture<unknown>[] = Array.from({ length: 6 }, (_, i) => executor.createProcessTask(work, i));
    futures.push(executor.createProcessTask(spinUntilAborted));
    for (const future of futures) {
      void future.started.then(
        ({ id }) => pids.add(id),
        () => {},
      );
    }
    await sleep(random() * 250);
    const spinner = futures.at(-1);
    const shutdowns = [
      executor.shutdown({ wait: random() < 0.5, cancelFutures: random() < 0.5 }),
      sleep(random() * 50).then(() => executor.shutdown({ cancelFutures: random() < 0.5 })),
    ];
    spinner?.cancel();
    const late = await executor.submit(processId).exception();
    assert.ok(late instanceof ExecutorShutdownError, String(late));
    await Promise.all([...shutdowns, executor.shutdown()]);
    assert.ok(
      futures.every(({ done }) => done),
      `round ${round}`,
    );
    for (const outcome of await Promise.allSettled(futures)) {
      if (outcome.status === "rejected") assert.ok(outcome.reason instanceof CancelledError, String(outcome.reason));
    }
    assert.deepEqual([...pids].filter(isAlive), [], `round ${round}`);
  }
});
