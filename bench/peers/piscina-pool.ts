/**
 * piscina: threads only.
 *
 * Settings: as it is out of the box but for a fixed size; and tuned, see below.
 */

import { fileURLToPath } from "node:url";

import { importPeer } from "./import-peer.js";
import { makeSharedArray } from "./shared-buffer.js";
import type { OpenContender } from "../contender.js";
import type { PeerTask } from "./task.js";

interface Pool {
  run(task: PeerTask, options: { name: string; transferList?: readonly ArrayBuffer[] }): Promise<unknown>;
  destroy(): Promise<void>;
}

interface PiscinaClass {
  new (options: Record<string, unknown>): Pool;
  readonly FixedQueue: new () => unknown;
}

const WORKER_PATH = fileURLToPath(new URL("./job-worker.js", import.meta.url));

async function loadWith(makeOptions: (piscina: PiscinaClass) => Record<string, unknown>): Promise<OpenContender> {
  const { default: Piscina } = (await importPeer("piscina")) as { default: PiscinaClass };
  return (workers) => {
    const size = { filename: WORKER_PATH, minThreads: workers, maxThreads: workers };
    const pool = new Piscina({ ...size, ...makeOptions(Piscina) });
    const name = "runTask";
    return {
      run: (job, argument) => pool.run({ job, argument }, { name }),
      makeShared: makeSharedArray,
      runMoving: (job, bytes) => pool.run({ job, argument: bytes }, { name, transferList: [bytes.buffer] }),
      close: () => pool.destroy(),
    };
  };
}

export function loadPiscina(): Promise<OpenContender> {
  return loadWith(() => ({}));
}

/**
 * No histograms, a ring buffer as the queue, and of the combinations of `atomics` (sync, async, disabled) and
 * `concurrentTasksPerWorker` (1, 4, 32, 256) the one that took most no-op tasks a second.
 */
export function loadPiscinaTuned(): Promise<OpenContender> {
  return loadWith(({ FixedQueue }) => ({
    atomics: "async",
    concurrentTasksPerWorker: 32,
    idleTimeout: Number.POSITIVE_INFINITY,
    recordTiming: false,
    taskQueue: new FixedQueue(),
  }));
}
