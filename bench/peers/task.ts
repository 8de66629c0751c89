import type { JobName } from "../jobs.js";

/** What the pools of other libraries are given: they run functions of a worker file, which takes this apart. */
export interface PeerTask {
  readonly job: JobName;
  readonly argument: unknown;
}
