/** The child of the built-in channel. */

import { runJob } from "./jobs.js";
import type { JobName } from "./jobs.js";

process.on("message", ({ id, job, value }: { id: number; job: JobName; value: unknown }) => {
  process.send?.({ id, value: runJob(job, value) });
});
