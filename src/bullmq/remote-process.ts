import { ProcessTask } from "../system/process/process-task.js";
import type { RunningPlace } from "./messages.js";

/** The process of another machine. */
export function remoteProcess({ pid, startTime }: RunningPlace): ProcessTask {
  return ProcessTask.fromPlain({ id: pid, startTime });
}
