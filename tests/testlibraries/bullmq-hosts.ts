import { fixturePath } from "./process-family.js";
import { startFixture } from "./process-family.js";
import { startProgram } from "./process-family.js";
import type { RunningProgram } from "./process-family.js";

/**
 * Starts a host of a queue as a program, and waits until it serves.
 *
 * @param prefix - A command that starts the program that follows it, and its arguments.
 */
export async function startHost(url: string, queue: string, prefix: readonly string[] = []): Promise<RunningProgram> {
  const [command, ...words] = prefix;
  const args = [url, queue];
  const host =
    command === undefined
      ? startFixture("bullmq-host", { args })
      : startProgram("", { command, args: [...words, process.execPath, fixturePath("bullmq-host"), ...args] });
  await host.waitForLine(/^serving$/);
  return host;
}
