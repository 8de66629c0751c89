/**
 * Where the records of this process go.
 *
 * It hangs on `globalThis` under a registered symbol, so that a second copy of the package in the same worker (the
 * task's own dependency, say) logs to the same place.
 */

import type { LogRecord } from "./log-record.js";
import type { LogRecordSink } from "./log-record.js";

/** What is known of the code that logs. */
export interface LogContext {
  readonly taskName?: string;
}

interface CurrentSink {
  readonly sink: LogRecordSink;
  readonly context: () => LogContext;
}

const SINK_KEY = Symbol.for("asynccpu.logSink");

const shared = globalThis as typeof globalThis & { [SINK_KEY]?: CurrentSink | undefined };

/**
 * Sets where records go; `undefined` takes the sink away.
 *
 * @param context - Asked at each record for the task that logs.
 */
export function setLogSink(sink: LogRecordSink | undefined, context: () => LogContext = () => ({})): void {
  shared[SINK_KEY] = sink === undefined ? undefined : { sink, context };
}

/** Where records go; `undefined` outside a worker, and in one whose executor has no queue. */
export function getLogSink(): LogRecordSink | undefined {
  return shared[SINK_KEY]?.sink;
}

/** What the sink's owner knows of the caller; empty when there is no sink. */
export function getLogContext(): LogContext {
  return shared[SINK_KEY]?.context() ?? {};
}

/** Whether the record reached a sink. Never throws: to log must not make a task fail. */
export function deliver(record: LogRecord, describe: (fields: object) => Readonly<Record<string, unknown>>): boolean {
  const sink = getLogSink();
  if (sink === undefined) return false;
  try {
    sink(record);
  } catch {
    try {
      // Most likely a field can't be sent between processes: its description can.
      if (record.fields !== undefined) sink({ ...record, fields: describe(record.fields) });
    } catch {
      // The pipe is gone, and with it the one who would read the record.
    }
  }
  return true;
}
