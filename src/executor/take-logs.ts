import process from "node:process";

import { LogQueue } from "../logging/log-queue.js";
import { ProtocolError } from "../errors.js";
import { captureContext } from "../system/async-context.js";
import { decodeFor } from "../values/errors/class-places.js";
import { decodeValue } from "../values/codec.js";
import { isLogRecord } from "../logging/log-record.js";
import { showValue } from "../show-value.js";
import type { LogRecord } from "../logging/log-record.js";

/**
 * Reads a record that a worker has sent.
 *
 * @param functions - Of the task that logged it, as they are in this process.
 * @throws ProtocolError for what is no record.
 */
export function decodeRecord(encoded: Uint8Array, functions: readonly object[]): LogRecord {
  const record = decodeFor(functions, () => decodeValue(encoded));
  if (!isLogRecord(record)) throw new ProtocolError("A worker sent something that is not a log record.");
  return record;
}

/**
 * A queue of the user's own is filled in the asynchronous context in which its executor was made. It may throw, which
 * is no nonsense of the worker.
 */
function makePut(queue: LogQueue): (record: LogRecord) => void {
  const put = (record: LogRecord): void => {
    try {
      queue.put(record);
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : showValue(error), "AsyncCpuWarning");
    }
  };
  if (queue.put === LogQueue.prototype.put) return put;
  const inContext = captureContext();
  return (record) => inContext(put, record);
}

/** Takes each record that a worker has sent, for a queue. */
export function makeIntake(queue: LogQueue): (record: Uint8Array, functions: readonly object[]) => void {
  const put = makePut(queue);
  return (record, functions) => put(decodeRecord(record, functions));
}
