/**
 * tinypool, processes and threads.
 *
 * Settings: fixed size; `serialization: "advanced"` for processes, because JSON (the default) can't carry binary data;
 * `isolateWorkers` off, as it is by default. `useAtomics` for threads: measured faster than without. `concurrentTasksPerWorker`
 * stays at 1: with more, tinypool 2.2 was not faster (see docs/performance.md).
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

type PoolClass = new (options: Record<string, unknown>) => Pool;

const WORKER_PATH = fileURLToPath(new URL("./job-worker.js", import.meta.url));

async function loadTinypool(options: Record<string, unknown>, areThreads: boolean): Promise<OpenContender> {
  const { Tinypool } = (await importPeer("tinypool")) as { Tinypool: PoolClass };
  return (workers) => {
    const pool = new Tinypool({ filename: WORKER_PATH, minThreads: workers, maxThreads: workers, ...options });
    const name = "runTask";
    return {
      run: (job, argument) => pool.run({ job, argument }, { name }),
      ...(areThreads && {
        makeShared: makeSharedArray,
        runMoving: (job, bytes) => pool.run({ job, argument: bytes }, { name, transferList: [bytes.buffer] }),
      }),
      close: () => pool.destroy(),
    };
  };
}

export function loadTinypoolProcesses(): Promise<OpenContender> {
  return loadTinypool({ runtime: "child_process", serialization: "advanced" }, false);
}

export function loadTinypoolThreads(): Promise<OpenContender> {
  return loadTinypool({ runtime: "worker_threads", useAtomics: true }, true);
}
