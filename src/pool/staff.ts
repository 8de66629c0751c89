import { StartAttempts } from "./worker/start-attempts.js";
import { Worker } from "./worker/worker.js";
import { WorkerStartError } from "../errors.js";
import { endNoLonger } from "./worker/end-by-sigterm.js";
import { endWhenSignalled } from "./worker/end-by-sigterm.js";
import { explainPermissions } from "../system/permissions.js";
import { killProcessTreesSync } from "../system/tree/terminator.js";
import { needNotWake } from "./orphan-waker.js";
import { onProcessExit } from "../system/signals/signals.js";
import { runOutside } from "../system/async-context.js";
import { setImmediate } from "../system/timers.js";
import { wakeWhenOrphaned } from "./orphan-waker.js";
import type { SpawnedWorker } from "./worker/spawn-worker.js";
import type { WorkerConfig } from "./worker/contract.js";
import type { WorkerDeath } from "./worker/death.js";
import type { WorkerEvents } from "./worker/contract.js";

/** What the workers of a pool are started for. */
export interface StaffHost {
  readonly maxWorkers: number;
  readonly worker: WorkerConfig;
  readonly events: WorkerEvents<Worker>;
  /** Called when the first worker is started, and after the last one has died. */
  readonly onActivity: (isActive: boolean) => void;
  /** Whether there is work for one more, when so many are being started. */
  isWanted(startingCount: number): boolean;
  onStarted(): void;
  /** No worker can be started, and none is there. */
  onGivenUp(error: WorkerStartError): void;
}

/**
 * So many workers are started as soon as tasks are there, in the midst of the turn that submits them: that may go on
 * for long, for functions that were never seen before.
 */
const FIRST_WORKERS = 2;

/** The workers of a pool, and how many there are: it starts them as they are needed. */
export class Staff implements Iterable<Worker> {
  readonly #host: StaffHost;
  readonly #workers = new Set<Worker>();
  readonly #starts = new StartAttempts();
  #isStartPlanned = false;
  #removeExitHook: (() => void) | undefined;

  constructor(host: StaffHost) {
    this.#host = host;
  }

  /** All processes, also those that are dying. */
  get size(): number {
    return this.#workers.size;
  }

  [Symbol.iterator](): Iterator<Worker> {
    return this.#workers.values();
  }

  /** A task is about to come, beside others that wait: starts a worker for it, if that is one of the first two. */
  startFirst(waitingCount: number): void {
    const most = Math.min(this.#host.maxWorkers, FIRST_WORKERS);
    if (this.#workers.size > waitingCount || this.#workers.size >= most || this.#isStartPlanned) return;
    // One that fails at once must not be tried for each of a thousand tasks.
    if (this.#starts.failed === 0) this.start();
  }

  /** Starts workers one a turn: the call that starts a process blocks for some 16 ms, and submitting must not. */
  plan(): void {
    if (this.#isStartPlanned || !this.#needsWorker()) return;
    this.#isStartPlanned = true;
    setImmediate(() => {
      this.#isStartPlanned = false;
      if (!this.#needsWorker()) return;
      this.start();
      this.plan();
    });
  }

  /** A worker has become ready. */
  noteReady(): void {
    this.#starts.reset();
  }

  /** A worker has died. */
  remove(worker: Worker): void {
    this.#workers.delete(worker);
    endNoLonger(worker);
    if (worker.root !== undefined) needNotWake(worker.root.pid);
    if (this.#workers.size === 0) this.#becomeInactive();
  }

  /** What follows from the death of a worker, when what it had is known to be in the queue again. */
  afterDeath(death: WorkerDeath): void {
    if (!death.wasReady && !death.wasToldToEnd) this.#onStartFailed(death.what, death.stderr);
    // Starting was given up while others ran; now nobody is left, and what waits must not wait for ever.
    if (this.#liveCount() === 0 && this.#starts.isGivenUp) this.#starts.reset();
  }

  /** Kills every worker and its descendants before it returns: for a process that is about to end. */
  killAllSync(): void {
    const roots = [...this.#workers].flatMap((worker) => worker.root ?? []);
    if (roots.length > 0) killProcessTreesSync(roots);
  }

  #liveCount(state?: "starting"): number {
    let count = 0;
    for (const worker of this.#workers) {
      if (state === undefined ? worker.state !== "ending" : worker.state === state) count += 1;
    }
    return count;
  }

  /** Workers that have never been ready; one that is dying counts until its death does. */
  #openStarts(): number {
    let count = 0;
    for (const worker of this.#workers) if (!worker.wasReady) count += 1;
    return count;
  }

  #needsWorker(): boolean {
    return (
      this.#host.isWanted(this.#liveCount("starting")) &&
      this.#liveCount() < this.#host.maxWorkers &&
      this.#starts.mayStart(this.#openStarts())
    );
  }

  /** Makes a worker of a process that has just been started, or of one that it starts. */
  start(started?: SpawnedWorker): void {
    if (this.#workers.size === 0) {
      this.#removeExitHook = onProcessExit(() => this.killAllSync());
      this.#host.onActivity(true);
    }
    try {
      const worker = runOutside(() => new Worker(this.#host.worker, this.#host.events, started));
      this.#workers.add(worker);
      this.#host.onStarted();
      endWhenSignalled(worker);
      if (worker.root !== undefined) wakeWhenOrphaned(worker.root.pid);
    } catch (error) {
      if (this.#workers.size === 0) this.#becomeInactive();
      this.#onStartFailed(`the spawn failed (${error instanceof Error ? error.message : String(error)})`, "");
    }
  }

  #onStartFailed(what: string, stderr: string): void {
    this.#starts.fail();
    if (!this.#starts.isGivenUp) {
      this.plan();
      return;
    }
    // Workers that run can still take what waits, and those that are on their way may; without any, waiting longer
    // would be for ever.
    if (this.#liveCount() > 0) {
      this.#starts.pause(() => this.plan());
      return;
    }
    const attempts = this.#starts.failed;
    this.#starts.reset();
    this.#host.onGivenUp(new WorkerStartError(attempts, what + explainPermissions(), stderr));
  }

  #becomeInactive(): void {
    this.#removeExitHook?.();
    this.#removeExitHook = undefined;
    this.#host.onActivity(false);
  }
}
