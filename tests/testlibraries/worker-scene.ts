/** What stands around the tasks of one worker. */

import assert from "node:assert/strict";

import { HeardTask } from "./heard-task.js";
import { PooledFunction } from "../../src/pool/queue/function-table.js";
import { WorkerTasks } from "../../src/pool/tasks/worker-tasks.js";
import type { ParentChannel } from "../../src/wire/parent-channel.js";
import type { PoolTask } from "../../src/pool/queue/pool-task.js";
import type { ProcessTask } from "../../src/system/process/process-task.js";
import type { TaskNews } from "../../src/wire/messages/protocol.js";
import type { ToParentMessage } from "../../src/wire/messages/protocol.js";
import type { ToWatchdogMessage } from "../../src/wire/messages/protocol.js";
import type { WorkerConfig } from "../../src/pool/worker/contract.js";

/** No process has this id, so nothing is found to be ended. */
const NOBODY = 2 ** 22 + 1;

/** The tasks of a worker; the test is its process, its watchdog and its pool. */
export class WorkerScene {
  readonly log: string[] = [];
  /** Called with the tasks that are to run elsewhere. */
  onReturned: (tasks: readonly PoolTask[]) => void = () => {};
  readonly asked: ToWatchdogMessage[] = [];
  kept: readonly ToParentMessage[] = [];
  readonly isOpen = true;
  readonly isRetiring = false;
  isKilled = false;
  readonly tasks: WorkerTasks;
  readonly #fn = new PooledFunction(1, Uint8Array.of(1));

  constructor(maxTasks?: number, beginLimitMs?: number) {
    this.#fn.learn(0, 5);
    const channel = {
      send: () => {},
      sendTask: () => {},
      sendToWatchdog: (message: ToWatchdogMessage) => this.asked.push(message),
      outcomeBytesSoFar: () => 0,
      distrust: (error: unknown) => this.#noteNonsense(error),
    };
    this.tasks = new WorkerTasks({
      config: { graceMs: 500, maxTasks, beginLimitMs } as unknown as WorkerConfig,
      channel: channel as unknown as ParentChannel,
      processTask: {} as ProcessTask,
      root: { pid: NOBODY },
      journal: {
        lastTask: () => Math.max(0, ...this.kept.map((kept) => ("taskId" in kept ? kept.taskId : 0))),
        readWhileWritten: () => [...this.kept],
      },
      life: this,
      giveUp: (why) => {
        this.isKilled = why === "hung";
        this.log.push(why === "hung" ? "kill" : why);
      },
      events: {
        onRoom: () => this.log.push("room"),
        onReturned: (tasks) => {
          this.log.push(`returned ${tasks.map(({ name }) => name).join()}`);
          this.onReturned(tasks);
        },
        onEnded: (task, outcome) => task.settle(outcome),
      },
    });
  }

  #noteNonsense(error: unknown): void {
    this.log.push(`nonsense: ${(error as Error).message}`);
  }

  /** As the channel does. */
  #take(receive: () => void): void {
    try {
      receive();
    } catch (error) {
      this.#noteNonsense(error);
    }
  }

  #receive(news: TaskNews): void {
    this.#take(() => this.tasks.receive(news));
  }

  /** Gives it tasks, which are numbered from 1 on. */
  give(...names: string[]): PoolTask[] {
    return this.giveWith({}, ...names);
  }

  /** @param options - With how many bytes of arguments. */
  giveWith({ timeoutMs, bytes }: { timeoutMs?: number; bytes?: number }, ...names: string[]): PoolTask[] {
    return names.map((name) => {
      const args = bytes === undefined ? [] : new Uint8Array(bytes);
      const task = new HeardTask({ name, fn: this.#fn, callCount: 0, timeoutMs }, args, {
        onStarted: () => this.log.push(`started ${name}`),
        onSettled: (outcome) =>
          this.log.push(`settled ${name}: ${outcome.kind === "ended" ? outcome.error.name : outcome.kind}`),
      });
      this.tasks.give(task);
      return task;
    });
  }

  /** The notice that a task has begun. */
  start(taskId: number): void {
    this.#receive({ kind: "started", taskId });
  }

  /** The outcome of a task. */
  finish(taskId: number): void {
    this.#receive({ kind: "result", taskId, durationUs: 5, value: Uint8Array.of(0xff) });
  }

  /** A small plain result, which tells that the task had begun, too. */
  finishPlainly(taskId: number): void {
    this.tasks.receiveValue(taskId, 5, 7);
  }

  /** The watchdog's answer where a task is stuck that has run out of time. */
  answerStack(taskId: number): void {
    this.tasks.receiveFromWatchdog({ kind: "stack", taskId, frames: "" });
  }

  /** The watchdog's answer to the last question. */
  answer(taskId: number): void {
    const last = this.asked.findLast(({ kind }) => kind === "takeBack");
    assert.ok(last?.kind === "takeBack");
    this.#take(() => this.tasks.receiveFromWatchdog({ kind: "takenBack", taskId, question: last.question }));
  }
}

/** Lets the event loop turn. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise(setImmediate);
}
