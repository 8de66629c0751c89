/**
 * workerpool, processes and threads.
 *
 * Settings: fixed size; `serialization: "advanced"` for processes, because JSON (the default) can't carry binary data.
 * There is no other setting that has to do with speed.
 */

import { fileURLToPath } from "node:url";

import { importPeer } from "./import-peer.js";
import { makeSharedArray } from "./shared-buffer.js";
import type { OpenContender } from "../contender.js";
import type { PeerTask } from "./task.js";

interface Pool {
  exec(
    method: string,
    args: readonly PeerTask[],
    options?: { transfer: readonly ArrayBuffer[] },
  ): PromiseLike<unknown>;
  terminate(): PromiseLike<unknown>;
}

interface Workerpool {
  pool(script: string, options: Record<string, unknown>): Pool;
}

const WORKER_PATH = fileURLToPath(new URL("./workerpool-worker.js", import.meta.url));

async function loadWorkerpool(options: Record<string, unknown>, areThreads: boolean): Promise<OpenContender> {
  const { default: workerpool } = (await importPeer("workerpool")) as { default: Workerpool };
  return (workers) => {
    const pool = workerpool.pool(WORKER_PATH, { minWorkers: workers, maxWorkers: workers, ...options });
    const exec = pool.exec.bind(pool);
    return {
      run: (job, argument) => exec("runTask", [{ job, argument }]) as Promise<unknown>,
      ...(areThreads && {
        makeShared: makeSharedArray,
        runMoving: (job, bytes) =>
          exec("runTask", [{ job, argument: bytes }], { transfer: [bytes.buffer] }) as Promise<unknown>,
      }),
      close: async () => {
        await pool.terminate();
      },
    };
  };
}

export function loadWorkerpoolProcesses(): Promise<OpenContender> {
  return loadWorkerpool({ workerType: "process", forkOpts: { serialization: "advanced" } }, false);
}

export function loadWorkerpoolThreads(): Promise<OpenContender> {
  return loadWorkerpool({ workerType: "thread" }, true);
}
