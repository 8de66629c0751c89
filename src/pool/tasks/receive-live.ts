import { ProtocolError } from "../../errors.js";
import type { LiveMessage } from "../../wire/messages/protocol.js";
import type { PoolTask } from "../queue/pool-task.js";
import type { TasksHost } from "./tasks-host.js";

/** Hands on what a worker says of a live value; only the task that it runs can have any. */
export function receiveLive(message: LiveMessage, task: PoolTask | undefined, host: TasksHost): void {
  try {
    if (task?.number !== message.taskId || task.state !== "running") {
      throw new ProtocolError(`The worker has live values of task ${message.taskId}, which it was not running.`);
    }
    task.receiveLive(message, host.channel);
  } catch (error) {
    host.onNonsense(error instanceof Error ? error : new ProtocolError(String(error)));
  }
}
