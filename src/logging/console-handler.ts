/** Prints records as lines of text, in the parent. */

import process from "node:process";
import { inspect } from "node:util";

import { namesOf } from "../option-names.js";
import { readOptions } from "../option-names.js";
import type { LogHandlerObject } from "./log-handler.js";
import type { LogLevel } from "./log-record.js";
import type { LogRecord } from "./log-record.js";
import type { OptionList } from "../option-names.js";

/** Where a line can be written: a stream such as `process.stderr`, or anything with `write`. */
export interface LineTarget {
  write(text: string): unknown;
}

/** Options of `createConsoleHandler`. */
export interface ConsoleHandlerOptions {
  /** Default: `process.stderr`. */
  readonly stream?: LineTarget | undefined;
  /** Records below this level are left out. Default: none are. */
  readonly level?: LogLevel | undefined;
}

const OPTIONS: OptionList = {
  call: "createConsoleHandler()",
  names: namesOf<ConsoleHandlerOptions>({ stream: true, level: true }),
  example: '{ level: "info" }',
};

const LEVEL_WIDTH = 5;

/** Formats a record as `2026-11-24T01:02:03.004Z INFO  [pid 123 task "x"] message`, without a newline at the end. */
export function formatLogRecord(record: LogRecord): string {
  const task = record.taskName === undefined ? "" : ` task ${JSON.stringify(record.taskName)}`;
  const logger = record.logger === undefined ? "" : ` logger ${JSON.stringify(record.logger)}`;
  const hasFields = record.fields !== undefined && Object.keys(record.fields).length > 0;
  const fields = hasFields ? ` ${inspect(record.fields, { breakLength: Number.POSITIVE_INFINITY, depth: 4 })}` : "";
  const time = new Date(record.timeMs).toISOString();
  const level = record.level.toUpperCase().padEnd(LEVEL_WIDTH);
  return `${time} ${level} [pid ${record.pid}${task}${logger}] ${record.message}${fields}`;
}

/** Makes a handler that writes one line (or as many as the message has) for each record. */
export function createConsoleHandler(options: ConsoleHandlerOptions = {}): LogHandlerObject {
  const { level, stream = process.stderr } = readOptions(options, OPTIONS);
  return {
    level,
    handle: (record) => {
      stream.write(`${formatLogRecord(record)}\n`);
    },
  };
}
