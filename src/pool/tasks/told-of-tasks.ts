import type { ToParentMessage } from "../../wire/messages/protocol.js";

/** Messages that tell that a task has begun or ended. */
export type ToldOfTask = Extract<ToParentMessage, { kind: "started" | "result" | "failure" }>;

/**
 * What a worker's journal tells of tasks, in order. It holds other messages as well, also such as have been sent: log
 * records, say.
 *
 * @param isKnown - Whether it is known that a task has ended. To be given while a part of what was sent may not have
 * been read: then what follows on a report, or a message of a live value, must wait: these come over the pipe only.
 */
export function toldOfTasks(
  messages: readonly ToParentMessage[],
  isKnown: ((taskId: number) => boolean) | undefined,
): ToldOfTask[] {
  const told: ToldOfTask[] = [];
  for (const message of messages) {
    const isPiped = message.kind === "live" || message.kind === "report";
    if (isPiped && isKnown?.(message.taskId) === false) break;
    if (message.kind === "started" || message.kind === "result" || message.kind === "failure") told.push(message);
  }
  return told;
}
