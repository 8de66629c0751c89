/** The task module of hosts in the measures of BullMQ. */

import { appendFileSync } from "node:fs";

/** Gives its argument. */
export function noop(value: number): number {
  return value;
}

/** Notes in a file that it has run, and gives the square of its argument. */
export function noteRun(value: number, file: string): number {
  appendFileSync(file, `${value}\n`);
  return value * value;
}
