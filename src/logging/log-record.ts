/** The levels of a log record, least severe first; the numbers are those of pino. */
export const LOG_LEVELS = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 } as const;

/** Name of a level. */
export type LogLevel = keyof typeof LOG_LEVELS;

/** A log record, as it arrives in the parent: plain data only, since it is copied between processes. */
export interface LogRecord {
  readonly level: LogLevel;
  /** The formatted text, without a newline at the end. */
  readonly message: string;
  /** When it was logged, in milliseconds since the Unix epoch, by the clock of the process that logged it. */
  readonly timeMs: number;
  /** Id of the process that logged it. */
  readonly pid: number;
  /** Name of the task that logged it; absent outside a task (an initializer, a configurer). */
  readonly taskName?: string;
  /** Name of the logger; absent for `console`. */
  readonly logger?: string;
  /** Structured data that came with the record (pino's bindings and merged object); absent for `console`. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** Takes each record of this process and brings it to the parent. */
export type LogRecordSink = (record: LogRecord) => void;

/** Whether it is an object of any kind. */
export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** The name of a level; `info` for what is none. */
export function toLevelName(level: unknown): LogLevel {
  return isLevel(level) ? level : "info";
}

function isLevel(level: unknown): level is LogLevel {
  return typeof level === "string" && Object.hasOwn(LOG_LEVELS, level);
}

/** Whether what a worker has sent is a record. What else is in it concerns only those who look at it. */
export function isLogRecord(value: unknown): value is LogRecord {
  if (!isObject(value)) return false;
  const { level, message, timeMs, pid } = value as Partial<Record<keyof LogRecord, unknown>>;
  return isLevel(level) && typeof message === "string" && typeof timeMs === "number" && typeof pid === "number";
}
