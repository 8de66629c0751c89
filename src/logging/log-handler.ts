/** Handlers, which print records or hand them to another logger. */

import { LOG_LEVELS } from "./log-record.js";
import type { LogLevel } from "./log-record.js";
import type { LogRecord } from "./log-record.js";

/** A handler with a level of its own. */
export interface LogHandlerObject {
  /** Records below this level are not handed over. Default: all are. */
  readonly level?: LogLevel | undefined;
  /** Takes a record, in the parent. The next record comes when the promise that it returns, if any, has settled. */
  handle(record: LogRecord): void | Promise<void>;
  /** Is called when the listener stops, after the last record. */
  flush?(): void | Promise<void>;
}

/** A handler of records: a function, or an object. */
export type LogHandler = ((record: LogRecord) => void | Promise<void>) | LogHandlerObject;

/** Whether a record is at least as severe as a level. */
export function isAtLeast(record: LogRecord, level: LogLevel | undefined): boolean {
  return level === undefined || LOG_LEVELS[record.level] >= LOG_LEVELS[level];
}
