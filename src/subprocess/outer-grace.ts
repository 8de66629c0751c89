/**
 * How long the tasks of this worker have to end when they are asked to. An executor that is made here has to be
 * quicker: its tasks are ended within that time, and then the task that waits for them.
 *
 * It hangs on `globalThis` under a registered symbol, for a second copy of the package in the same worker.
 */

const GRACE_KEY = Symbol.for("asynccpu.outerGraceMs");

const shared = globalThis as typeof globalThis & { [GRACE_KEY]?: number };

/** Notes the grace period of the executor that this process is a worker of, in milliseconds. */
export function setOuterGrace(graceMs: number): void {
  shared[GRACE_KEY] = graceMs;
}

/** That grace period, in milliseconds; `undefined` in a process that is no worker. */
export function outerGraceMs(): number | undefined {
  return shared[GRACE_KEY];
}
