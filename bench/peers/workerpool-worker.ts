/** The worker file of workerpool. */

import { requirePeer } from "./import-peer.js";
import { runTask } from "./job-worker.js";

interface Workerpool {
  worker(methods: Record<string, (task: never) => unknown>): void;
}

const workerpool = requirePeer("workerpool") as Workerpool;
workerpool.worker({ runTask });
