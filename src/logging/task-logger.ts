/** Logging from inside a task, without a logging library. */

import process from "node:process";
import { inspect } from "node:util";

import { deliver } from "./current-sink.js";
import { formatLogRecord } from "./console-handler.js";
import { getLogContext } from "./current-sink.js";
import { isLevelEnabled } from "./log-levels.js";
import { setLogLevel } from "./log-levels.js";
import { toLevelName } from "./log-record.js";
import { dateNow } from "../system/timers.js";
import type { LogLevel } from "./log-record.js";
import type { LogRecord } from "./log-record.js";

/** Structured data of a record. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Logs one record at the level of its name. */
export type LogMethod = (message: string, fields?: LogFields) => void;

/** A logger with a name: one method a level. */
export interface TaskLogger extends Readonly<Record<LogLevel, LogMethod>> {
  /**
   * Sets the lowest level of which records are made, in this process, for all loggers of this name and those below it:
   * a level of "a" holds for "a.b" as well, unless that has one of its own. That of the root, `getLogger()`, holds for
   * the rest and for what `console` captures. Until a level is set, all records are made.
   *
   * In a worker this belongs into the `configurer`. Records below the level never leave the worker.
   *
   * @param level - `undefined` takes the logger's own level away.
   * @throws InvalidOptionError for what is no level.
   */
  setLevel(level: LogLevel | undefined): void;
  /** Whether a record of this level is made: saves the work for a message that nobody wants. */
  isEnabledFor(level: LogLevel): boolean;
}

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

function emit(level: LogLevel, name: string, message: string, fields: LogFields | undefined): void {
  // JavaScript may pass anything, such as an error for the message; what arrives is to be a record all the same.
  const known = toLevelName(level);
  if (!isLevelEnabled(known, name)) return;
  const text = typeof message === "string" ? message : String(describeField(message));
  const record: LogRecord = {
    level: known,
    message: text,
    timeMs: dateNow(),
    pid: process.pid,
    ...getLogContext(),
    ...(fields === undefined ? {} : { fields }),
    ...(name === "" ? {} : { logger: name }),
  };
  if (!deliver(record, describeFields)) process.stdout.write(`${formatLogRecord(record)}\n`);
}

/**
 * Logs one record to the executor's queue; as a line to standard output where there is none (outside a worker too).
 * The root logger's level applies.
 *
 * @param fields - Structured data; what can't be sent between processes arrives as a description.
 */
export function log(level: LogLevel, message: string, fields?: LogFields): void {
  emit(level, "", message, fields);
}

/**
 * Makes a logger whose records carry a name.
 *
 * @param name - Its parts are separated by dots: "a.b" inherits the level of "a". Default: the root, whose records
 * carry no name.
 */
export function getLogger(name = ""): TaskLogger {
  // JavaScript may pass anything here, too.
  const own = typeof name === "string" ? name : String(name);
  const at =
    (level: LogLevel): LogMethod =>
    (message, fields) =>
      emit(level, own, message, fields);
  return {
    trace: at("trace"),
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    fatal: at("fatal"),
    setLevel: (level) => setLogLevel(own, level),
    isEnabledFor: (level) => isLevelEnabled(level, own),
  };
}
