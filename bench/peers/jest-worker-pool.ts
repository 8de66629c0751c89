/**
 * jest-worker, processes and threads.
 *
 * Settings: number of workers; serialization is "advanced" by default; `exposedMethods` given, so that the parent need
 * not load the worker file. The scheduling policy "in-order" was not faster than the default.
 */

import { fileURLToPath } from "node:url";

import { importPeer } from "./import-peer.js";
import { makeSharedArray } from "./shared-buffer.js";
import type { OpenContender } from "../contender.js";
import type { PeerTask } from "./task.js";

interface Farm {
  runTask(task: PeerTask): Promise<unknown>;
  end(): Promise<unknown>;
}

type FarmClass = new (file: string, options: Record<string, unknown>) => Farm;

const WORKER_PATH = fileURLToPath(new URL("./job-worker.js", import.meta.url));

async function loadJestWorker(areThreads: boolean): Promise<OpenContender> {
  const { default: jestWorker } = (await importPeer("jest-worker")) as { default: { Worker: FarmClass } };
  return (workers) => {
    const farm = new jestWorker.Worker(WORKER_PATH, {
      exposedMethods: ["runTask"],
      numWorkers: workers,
      enableWorkerThreads: areThreads,
    });
    return {
      run: (job, argument) => farm.runTask({ job, argument }),
      ...(areThreads && { makeShared: makeSharedArray }),
      close: async () => {
        await farm.end();
      },
    };
  };
}

export function loadJestWorkerProcesses(): Promise<OpenContender> {
  return loadJestWorker(false);
}

export function loadJestWorkerThreads(): Promise<OpenContender> {
  return loadJestWorker(true);
}
