/** Lets a pino logger in a task write to the executor's queue. pino is not imported. */

import process from "node:process";

import { namesOf } from "../option-names.js";
import { readOptions } from "../option-names.js";
import { LOG_LEVELS } from "./log-record.js";
import { deliver } from "./current-sink.js";
import { getLogContext } from "./current-sink.js";
import { getLogSink } from "./current-sink.js";
import { isLevelEnabled } from "./log-levels.js";
import { toLevelName } from "./log-record.js";
import { dateNow } from "../system/timers.js";
import type { LogLevel } from "./log-record.js";
import type { LogRecord } from "./log-record.js";
import type { OptionList } from "../option-names.js";

/** A destination for pino. */
export interface PinoDestination {
  write(chunk: string): void;
}

/** Options of `createPinoDestination`. */
export interface PinoDestinationOptions {
  /** The `messageKey` that the logger was made with. Default: `msg`. */
  readonly messageKey?: string | undefined;
}

const OPTIONS: OptionList = {
  call: "createPinoDestination()",
  names: namesOf<PinoDestinationOptions>({ messageKey: true }),
  example: '{ messageKey: "message" }',
};

const LEVELS = Object.entries(LOG_LEVELS) as [LogLevel, number][];

function toLevel(level: unknown): LogLevel {
  if (typeof level !== "number" || !Number.isFinite(level)) return toLevelName(level);
  // A custom level becomes the nearest one; half way, the more severe.
  let nearest: [LogLevel, number] = ["trace", LOG_LEVELS.trace];
  for (const entry of LEVELS) if (Math.abs(entry[1] - level) <= Math.abs(nearest[1] - level)) nearest = entry;
  return nearest[0];
}

/** pino writes milliseconds, or an ISO text when told so. */
function toTimeMs(time: unknown): number {
  const timeMs = typeof time === "string" ? Date.parse(time) : time;
  return typeof timeMs === "number" && Number.isFinite(timeMs) ? timeMs : dateNow();
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function toRecord(line: string, messageKey: string): LogRecord {
  const parsed = parseObject(line);
  // Not pino's JSON (a formatter is in between): the text itself is what was logged.
  if (parsed === undefined) {
    return { level: "info", message: line, timeMs: dateNow(), pid: process.pid, ...getLogContext() };
  }
  const { level, time, pid, name, [messageKey]: message, ...fields } = parsed;
  return {
    level: toLevel(level),
    message: typeof message === "string" ? message : "",
    timeMs: toTimeMs(time),
    pid: typeof pid === "number" ? pid : process.pid,
    ...getLogContext(),
    ...(typeof name === "string" ? { logger: name } : {}),
    ...(Object.keys(fields).length > 0 ? { fields } : {}),
  };
}

/**
 * Makes a destination for pino, to be used in a task or in the configurer: `pino(createPinoDestination())`.
 *
 * Each line becomes a record of the executor's queue, at once, unless `getLogger(name).setLevel` has set a higher
 * level for its name. Where there is no queue (outside a worker too), lines go to standard output as pino made them.
 */
export function createPinoDestination(options: PinoDestinationOptions = {}): PinoDestination {
  const { messageKey = "msg" } = readOptions(options, OPTIONS);
  return {
    write: (chunk) => {
      if (getLogSink() === undefined) {
        process.stdout.write(chunk);
        return;
      }
      for (const line of chunk.split("\n")) {
        if (line === "") continue;
        const record = toRecord(line, messageKey);
        // A line of JSON holds nothing that can't be sent, so there is nothing to describe.
        if (isLevelEnabled(record.level, record.logger)) deliver(record, () => ({}));
      }
    },
  };
}
