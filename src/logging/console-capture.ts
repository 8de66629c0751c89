/**
 * Makes records of what a task writes with `console`.
 *
 * A second console of Node's own class does the formatting (groups, tables, counters, timers, placeholders), into a
 * stream that keeps the text; so a record says what Node would have printed. The methods of the one global console
 * object are replaced: `node:console` gives the same object, so those who import it are captured too.
 */

import process from "node:process";
import { Console } from "node:console";
import { Writable } from "node:stream";
import { format } from "node:util";
import { syncBuiltinESMExports } from "node:module";

import { isLevelEnabled } from "./log-levels.js";
import { dateNow } from "../system/timers.js";
import { stackOf } from "../values/errors/stacks.js";
import type { LogContext } from "./current-sink.js";
import type { LogLevel } from "./log-record.js";
import type { LogRecordSink } from "./log-record.js";

/** Methods that print, or set the state of those that do. */
const METHODS = {
  log: "info",
  info: "info",
  debug: "debug",
  warn: "warn",
  error: "error",
  trace: "trace",
  dir: "info",
  dirxml: "info",
  table: "info",
  assert: "error",
  group: "info",
  groupCollapsed: "info",
  groupEnd: "info",
  count: "info",
  countReset: "info",
  time: "info",
  timeLog: "info",
  timeEnd: "info",
} as const satisfies Record<string, LogLevel>;

/** Those that set a state for later calls, and run although their own record is below the level. */
const STATEFUL: ReadonlySet<string> = new Set([
  "group",
  "groupCollapsed",
  "groupEnd",
  "count",
  "countReset",
  "time",
  "timeEnd",
]);

type Method = keyof typeof METHODS;
type AnyMethod = (...args: unknown[]) => void;

/** Collects what a console prints during one call. */
class Collector {
  #parts: string[] = [];
  readonly console: Console;

  constructor() {
    const stream = new Writable({
      decodeStrings: false,
      write: (chunk: string, _encoding, done) => {
        this.#parts.push(chunk);
        done();
      },
    });
    this.console = new Console({ stdout: stream, stderr: stream, colorMode: false });
  }

  /** Runs the call and returns what it printed; `undefined` when it printed nothing. */
  collect(call: () => void): string | undefined {
    // An object's own way of being shown may call console in the middle.
    const outer = this.#parts;
    this.#parts = [];
    try {
      call();
      return this.#parts.length === 0 ? undefined : this.#parts.join("").replace(/\n$/, "");
    } catch (error) {
      return `[This message can't be shown: formatting it threw ${showThrown(error)}]`;
    } finally {
      this.#parts = outer;
    }
  }
}

function showThrown(thrown: unknown): string {
  try {
    return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  } catch {
    return "something that can't be shown either";
  }
}

/** As Node's own: the message and the stack of the caller of `console.trace`, above our frames. */
function formatTrace(args: readonly unknown[], below: AnyMethod): string {
  const holder = { name: "Trace", message: format(...args), stack: "" };
  Error.captureStackTrace(holder, below);
  return stackOf(holder) ?? "";
}

/**
 * Replaces the methods of the global console: each call that prints becomes one record, if the root logger's level
 * lets it.
 *
 * A call made by the sink itself, while it takes a record, goes to the original method.
 *
 * @param context - Asked at each record for the task that logs.
 * @returns a function that puts the original methods back.
 */
export function captureConsole(sink: LogRecordSink, context: () => LogContext): () => void {
  const target = globalThis.console as unknown as Record<Method, AnyMethod>;
  const collector = new Collector();
  const inner = collector.console as unknown as Record<Method, AnyMethod>;
  const originals = new Map<Method, AnyMethod>();
  let isDelivering = false;

  const deliver = (level: LogLevel, message: string): void => {
    isDelivering = true;
    try {
      sink({ level, message, timeMs: dateNow(), pid: process.pid, ...context() });
    } catch {
      // To log must not make a task fail.
    } finally {
      isDelivering = false;
    }
  };

  const capture = (method: Method, original: AnyMethod): AnyMethod => {
    const captured: AnyMethod = (...args) => {
      if (isDelivering) {
        Reflect.apply(original, target, args);
        return;
      }
      const isWanted = isLevelEnabled(METHODS[method]);
      if (!isWanted && !STATEFUL.has(method)) return;
      const message = collector.collect(() => {
        if (method === "trace") inner.error(formatTrace(args, captured));
        else if (method === "dir") inner.dir(args[0], { ...(args[1] as object | undefined), colors: false });
        else inner[method](...args);
      });
      if (isWanted && message !== undefined) deliver(METHODS[method], message);
    };
    Object.defineProperty(captured, "name", { value: method, configurable: true });
    return captured;
  };

  for (const method of Object.keys(METHODS) as Method[]) {
    const original = target[method];
    originals.set(method, original);
    target[method] = capture(method, original);
  }
  // For `import { log } from "node:console"`.
  syncBuiltinESMExports();
  return () => {
    for (const [method, original] of originals) target[method] = original;
    syncBuiltinESMExports();
  };
}
