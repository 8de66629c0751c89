/** Hands records to a pino logger of the parent. pino is not imported: any logger of this shape will do. */

import { namesOf } from "../option-names.js";
import { readOptions } from "../option-names.js";
import type { LogHandlerObject } from "./log-handler.js";
import type { LogLevel } from "./log-record.js";
import type { OptionList } from "../option-names.js";

/** The part of a pino logger that is used. */
export type PinoLike = Record<LogLevel, (fields: object, message: string) => void> & {
  flush?(callback?: (error?: Error) => void): void;
};

/** Options of `createPinoHandler`. */
export interface PinoHandlerOptions {
  /** Records below this level are not handed over; the logger's own level applies as well. Default: all are. */
  readonly level?: LogLevel | undefined;
}

const OPTIONS: OptionList = {
  call: "createPinoHandler()",
  names: namesOf<PinoHandlerOptions>({ level: true }),
  example: '{ level: "info" }',
};

/**
 * Makes a handler that logs each record at its level, with its fields and `pid`, `taskName`, `logger` and `loggedAtMs`
 * (the worker's clock; the logger's own `time` is that of the arrival).
 *
 * The logger's own `pid` of the parent would stand beside that of the worker: make it with `pino({ base: null })`.
 */
export function createPinoHandler(pinoLogger: PinoLike, options: PinoHandlerOptions = {}): LogHandlerObject {
  const { level } = readOptions(options, OPTIONS);
  return {
    level,
    handle: (record) => {
      const fields: Record<string, unknown> = { ...record.fields, pid: record.pid, loggedAtMs: record.timeMs };
      // The same machine: the logger writes its own.
      delete fields["hostname"];
      if (record.taskName !== undefined) fields["taskName"] = record.taskName;
      if (record.logger !== undefined) fields["logger"] = record.logger;
      pinoLogger[record.level](fields, record.message);
    },
    flush: () =>
      new Promise<void>((resolve, reject) => {
        // Loggers without a callback (pino before 9, or another logger) are not waited for.
        if (pinoLogger.flush === undefined || pinoLogger.flush.length === 0) {
          pinoLogger.flush?.();
          resolve();
          return;
        }
        pinoLogger.flush((error) => {
          if (error === undefined || error === null) resolve();
          else reject(error);
        });
      }),
  };
}
