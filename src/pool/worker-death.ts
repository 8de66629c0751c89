import type { PoolTask } from "./pool-task.js";

/** How a worker died. */
export interface WorkerDeath {
  /** Whether it had ever been ready for a task. */
  readonly wasReady: boolean;
  /** Whether its pool had told it to end. */
  readonly wasToldToEnd: boolean;
  /** What happened, for a message. */
  readonly what: string;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  /** The task that it held and had not begun. */
  readonly unbegun: PoolTask | undefined;
}
