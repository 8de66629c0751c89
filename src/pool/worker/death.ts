import type { PoolTask } from "../queue/pool-task.js";

/** How a process ended; both `null` for one that never ran. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** For a message. */
export function describeProcessEnd({ exitCode, signal }: ProcessEnd): string {
  return signal === null ? `the process exited with code ${exitCode}` : `the process was ended by ${signal}`;
}

/** How a worker died. */
export interface WorkerDeath extends ProcessEnd {
  /** Whether it had ever been ready for a task. */
  readonly wasReady: boolean;
  /** Whether its pool had told it to end. */
  readonly wasToldToEnd: boolean;
  /** Whether it ended although its pool had neither told it to end nor killed it. */
  readonly wasCrash: boolean;
  /** What happened, for a message. */
  readonly what: string;
  readonly stderr: string;
  /** The task that it held and had not begun. */
  readonly unbegun: PoolTask | undefined;
}
