/**
 * tinypool, processes and threads.
 *
 * Settings: fixed size; `isolateWorkers` off, as it is by default; 16 tasks with each worker
 * (`concurrentTasksPerWorker`), which takes more no-op tasks a second than 1, with processes as with threads.
 * `useAtomics` helps with 1 only. For processes `serialization: "advanced"`, because JSON (the default) can't carry
 * binary data.
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

const TASKS_PER_WORKER = 16;

const WORKER_PATH = fileURLToPath(new URL("./job-worker.js", import.meta.url));

async function loadTinypool(options: Record<string, unknown>, areThreads: boolean): Promise<OpenContender> {
  const { Tinypool } = (await importPeer("tinypool")) as { Tinypool: PoolClass };
  return (workers) => {
    const pool = new Tinypool({
      filename: WORKER_PATH,
      minThreads: workers,
      maxThreads: workers,
      concurrentTasksPerWorker: TASKS_PER_WORKER,
      ...options,
    });
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
  return loadTinypool({ runtime: "worker_threads" }, true);
}
