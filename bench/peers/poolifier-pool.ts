/**
 * poolifier: FixedClusterPool (processes) and FixedThreadPool.
 *
 * Settings: `enableEvents` off; no queue in the parent (the default), so that every task is sent to its worker at
 * once: faster than `enableTasksQueue`. Threads take their tasks in turn (ROUND_ROBIN), which is faster with them than
 * the default LEAST_USED; processes are not faster for it. The processes with `serialization: "advanced"`, because
 * JSON (the default) can't carry binary data; and with JSON, as that is the faster one for small tasks.
 */

import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";

import { importPeer } from "./import-peer.js";
import { makeSharedArray } from "./shared-buffer.js";
import type { OpenContender } from "../contender.js";
import type { PeerTask } from "./task.js";

interface Pool {
  execute(
    task: PeerTask,
    name?: string,
    signal?: AbortSignal,
    transferList?: readonly ArrayBuffer[],
  ): Promise<unknown>;
  destroy(): Promise<void>;
}

type PoolClass = new (workers: number, file: string, options: Record<string, unknown>) => Pool;

const CLOSE_LIMIT_MS = 1000;

const WORKER_PATH = fileURLToPath(new URL("./poolifier-worker.cjs", import.meta.url));

async function loadPoolifier(
  className: "FixedClusterPool" | "FixedThreadPool",
  options: Record<string, unknown>,
): Promise<OpenContender> {
  const { default: poolifier } = (await importPeer("poolifier")) as { default: Record<typeof className, PoolClass> };
  const areThreads = className === "FixedThreadPool";
  return (workers) => {
    const common = { enableEvents: false, workerChoiceStrategy: areThreads ? "ROUND_ROBIN" : "LEAST_USED" };
    const pool = new poolifier[className](workers, WORKER_PATH, { ...common, ...options });
    return {
      run: (job, argument) => pool.execute({ job, argument }),
      ...(areThreads && {
        makeShared: makeSharedArray,
        runMoving: (job, bytes) => pool.execute({ job, argument: bytes }, undefined, undefined, [bytes.buffer]),
      }),
      // Now and then destroy() never settles, when a thread has ended before its answer came.
      close: () => Promise.race([pool.destroy(), sleep(CLOSE_LIMIT_MS)]),
    };
  };
}

export function loadPoolifierProcesses(): Promise<OpenContender> {
  return loadPoolifier("FixedClusterPool", { settings: { serialization: "advanced" } });
}

export function loadPoolifierProcessesJson(): Promise<OpenContender> {
  return loadPoolifier("FixedClusterPool", { settings: { serialization: "json" } });
}

export function loadPoolifierThreads(): Promise<OpenContender> {
  return loadPoolifier("FixedThreadPool", {});
}
