/** Logging from inside a task, without a logging library. */

import { inspect } from "node:util";

import { deliver } from "./current-sink.js";
import { formatLogRecord } from "./console-handler.js";
import { getLogContext } from "./current-sink.js";
import { toLevelName } from "./log-record.js";
import type { LogLevel } from "./log-record.js";
import type { LogRecord } from "./log-record.js";

/** Structured data of a record. */
export type LogFields = Readonly<Record<string, unknown>>;

/** A logger with a name: one method a level. */
export type TaskLogger = Readonly<Record<LogLevel, (message: string, fields?: LogFields) => void>>;

function describeField(value: unknown): unknown {
  if (typeof value === "function" || typeof value === "symbol" || (typeof value === "object" && value !== null)) {
    try {
      return inspect(value, { breakLength: Number.POSITIVE_INFINITY });
    } catch {
      return "[can't be shown]";
    }
  }
  return value;
}

function describeFields(fields: object): LogFields {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, describeField(value)]));
}

function emit(record: LogRecord): void {
  if (!deliver(record, describeFields)) process.stdout.write(`${formatLogRecord(record)}\n`);
}

function makeRecord(level: LogLevel, message: string, fields: LogFields | undefined): LogRecord {
  // JavaScript may pass anything, such as an error for the message; what arrives is to be a record all the same.
  const text = typeof message === "string" ? message : String(describeField(message));
  const base = { level: toLevelName(level), message: text, timeMs: Date.now(), pid: process.pid, ...getLogContext() };
  return fields === undefined ? base : { ...base, fields };
}

/**
 * Logs one record to the executor's queue; as a line to standard output where there is none (outside a worker too).
 *
 * @param fields - Structured data; what can't be sent between processes arrives as a description.
 */
export function log(level: LogLevel, message: string, fields?: LogFields): void {
  emit(makeRecord(level, message, fields));
}

/** Makes a logger whose records carry a name. */
export function getLogger(name: string): TaskLogger {
  const at =
    (level: LogLevel) =>
    (message: string, fields?: LogFields): void =>
      emit({ ...makeRecord(level, message, fields), logger: name });
  return {
    trace: at("trace"),
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    fatal: at("fatal"),
  };
}
