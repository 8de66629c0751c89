import { PoolTask } from "../../src/pool/queue/pool-task.js";
import type { ProcessTask } from "../../src/system/process/process-task.js";
import type { TaskKind } from "../../src/pool/queue/pool-task.js";
import type { TaskOutcome } from "../../src/pool/queue/pool-task.js";

/** What a test hears of a task. */
export interface Heard {
  onStarted?(processTask: ProcessTask): void;
  onSettled?(outcome: TaskOutcome): void;
}

/** A task that nobody has submitted: the test is who waits for it. */
export class HeardTask extends PoolTask {
  isStartWanted = false;
  readonly isHeard = false;
  readonly isIdle = false;
  readonly #heard: Heard;

  constructor(kind: TaskKind, args: unknown, heard: Heard = {}) {
    super(kind, args);
    this.#heard = heard;
  }

  protected onStarted(processTask: ProcessTask): void {
    this.#heard.onStarted?.(processTask);
  }

  protected onLive(): void {}

  protected onReport(): void {}

  protected onSettled(outcome: TaskOutcome): void {
    this.#heard.onSettled?.(outcome);
  }
}
