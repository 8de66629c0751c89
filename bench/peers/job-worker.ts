/** The worker file of the libraries that call an export: tinypool, piscina, jest-worker. */

import { runJob } from "../jobs.js";
import type { PeerTask } from "./task.js";

export function runTask({ job, argument }: PeerTask): unknown {
  return runJob(job, argument);
}
