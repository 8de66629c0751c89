/** Very many tasks with retries on "crash", while hosts are killed: is every result right, and counted once? */

import { mkdtempSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { BullMQTaskExecutor } from "asynccpu/bullmq";

import { Hosts } from "./bullmq-hosts.js";
import { RedisServer } from "../tests/testlibraries/redis-server.js";
import { noteRun } from "./bullmq-tasks.js";
import { showProgress } from "./progress.js";

const HOSTS = 3;
const IN_FLIGHT = 1024;
const KILL_EVERY_MS = 5000;
const LOCK_MS = 2000;
/** Beyond any number of deaths. */
const RETRIES = 1000;

/** What a run has come to. */
export interface KillRun {
  readonly tasks: number;
  readonly kills: number;
  readonly seconds: number;
  /** Results that were what they had to be. */
  readonly right: number;
  readonly wrong: number;
  readonly failed: number;
  /** What the executor has counted. */
  readonly completedTasks: number;
  /** How often a task began, all together, and how many tasks began more than once. */
  readonly runs: number;
  readonly ranAgain: number;
  readonly neverRan: number;
}

class Counts {
  right = 0;
  wrong = 0;
  failed = 0;

  get settled(): number {
    return this.right + this.wrong + this.failed;
  }
}

/** How often each task has noted that it ran. */
function countRuns(file: string, tasks: number): Pick<KillRun, "runs" | "ranAgain" | "neverRan"> {
  const runsOf = new Uint32Array(tasks);
  for (const line of readFileSync(file, "utf8").trimEnd().split("\n")) {
    const index = Number(line);
    runsOf[index] = (runsOf[index] ?? 0) + 1;
  }
  return {
    runs: runsOf.reduce((sum, count) => sum + count, 0),
    ranAgain: runsOf.filter((count) => count > 1).length,
    neverRan: runsOf.filter((count) => count === 0).length,
  };
}

async function submitAll(executor: BullMQTaskExecutor, tasks: number, file: string, counts: Counts): Promise<void> {
  const view = executor.with({ retries: { limit: RETRIES, on: "crash" } });
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < tasks) {
      const index = next;
      next += 1;
      try {
        if ((await view.submit(noteRun, index, file)) === index * index) counts.right += 1;
        else counts.wrong += 1;
      } catch {
        counts.failed += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

/** Runs so many tasks on three hosts, and kills one of these every five seconds. */
export async function runBullMQKill(tasks: number, jobs: number): Promise<KillRun> {
  await using redis = await RedisServer.forTests();
  const place = { url: redis.url, queue: `kill-${randomUUID()}` };
  const folder = mkdtempSync(path.join(tmpdir(), "asynccpu-bench-"));
  const file = path.join(folder, "runs");
  const hosts = new Hosts({ side: "asynccpu", place, jobs, lockMs: LOCK_MS });
  const executor = new BullMQTaskExecutor({
    connection: { url: place.url },
    queue: place.queue,
    // A host that dies between the end of a job and the telling of it: nobody waits for a minute here.
    askIntervalMs: LOCK_MS,
    tasks: new URL("./bullmq-tasks.js", import.meta.url),
  });
  const counts = new Counts();
  let kills = 0;
  const killOne = async (): Promise<void> => {
    kills += 1;
    await hosts.killOldest();
    await hosts.add();
    showProgress(`${counts.settled} of ${tasks}, ${kills} hosts killed`);
  };
  try {
    for (let index = 0; index < HOSTS; index += 1) await hosts.add();
    const start = performance.now();
    let killing = Promise.resolve();
    const timer = setInterval(() => {
      killing = killing.then(killOne);
    }, KILL_EVERY_MS);
    await submitAll(executor, tasks, file, counts);
    clearInterval(timer);
    const seconds = (performance.now() - start) / 1000;
    await killing;
    const { completedTasks } = executor.stats();
    const { right, wrong, failed } = counts;
    return { tasks, kills, seconds, right, wrong, failed, completedTasks, ...countRuns(file, tasks) };
  } finally {
    showProgress("");
    await executor.shutdown();
    await hosts.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether all results were right, and each was counted once. */
export function isWhole({ tasks, right, completedTasks, neverRan }: KillRun): boolean {
  return right === tasks && completedTasks === tasks && neverRan === 0;
}

/** The run in words. */
export function formatKillRun(run: KillRun): string {
  const { tasks, kills, seconds, right, wrong, failed, completedTasks, runs, ranAgain } = run;
  return [
    `${tasks} tasks on ${HOSTS} hosts, one of them killed every ${KILL_EVERY_MS / 1000} s: ${kills} kills in ${seconds.toFixed(1)} s`,
    `${right} right results, ${wrong} wrong ones, ${failed} failures; counted as completed: ${completedTasks}`,
    `${runs} runs began, ${ranAgain} tasks more than once`,
    isWhole(run) ? "All results are right, and each was counted once." : "NOT as it has to be.",
  ].join("\n");
}
