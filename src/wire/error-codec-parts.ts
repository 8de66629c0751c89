/** Errors as plain parts, and the way back. */

import { errorClassKey } from "./error-codec-classes.js";
import { errorPrototype } from "./error-codec-classes.js";
import { isDomException } from "./error-codec-classes.js";

/** What travels of an error. */
export interface ErrorParts {
  /** Key of the nearest known class. */
  readonly className: string;
  /** `undefined` when the error has no stack. */
  readonly stack: string | undefined;
  /** Own enumerable properties. */
  readonly own: object;
  /** Properties that are not enumerable. */
  readonly hidden: object;
}

/** Own properties that travel although they are not enumerable. */
const HIDDEN_KEYS = ["message", "name", "code", "cause", "errors"] as const;

function read(from: object, key: string): unknown {
  try {
    return (from as Record<string, unknown>)[key];
  } catch {
    return "[not sent: reading it threw]";
  }
}

function define(to: object, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(to, key, { value, enumerable, configurable: true, writable: true });
}

/** Takes an error apart. Never throws, whatever its getters do. */
export function describeError(error: object): ErrorParts {
  const className = errorClassKey(error);
  const own = {};
  const hidden = {};
  for (const key of Object.keys(error)) if (key !== "stack") define(own, key, read(error, key), true);
  for (const key of HIDDEN_KEYS) {
    const descriptor = Object.getOwnPropertyDescriptor(error, key);
    if (descriptor !== undefined && !descriptor.enumerable) define(hidden, key, read(error, key), true);
  }
  // What the class gives by inheritance, in case the other process does not know the class.
  const prototype = errorPrototype(className);
  for (const key of ["message", "name"]) {
    if (Object.hasOwn(own, key) || Object.hasOwn(hidden, key)) continue;
    const inherited = read(error, key);
    if (isDomException(className) || inherited !== read(prototype, key)) define(hidden, key, inherited, true);
  }
  const stack = read(error, "stack");
  return { className, stack: typeof stack === "string" ? stack : undefined, own, hidden };
}

/** Makes an error with the right class and nothing in it. Runs no constructor but those of `Error` and `DOMException`. */
export function makeErrorShell(className: string, hidden: object): Error {
  // The stack is put in later; taking one here would cost more than all the rest.
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    if (isDomException(className)) {
      return new DOMException(asText(read(hidden, "message")), asText(read(hidden, "name")));
    }
    // A real error, so that util.types.isNativeError, and with it inspect, takes it for one.
    const shell = new Error();
    Object.setPrototypeOf(shell, errorPrototype(className));
    return shell;
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Puts the parts into the shell. */
export function fillErrorShell(shell: Error, parts: ErrorParts): void {
  const isDom = isDomException(parts.className);
  for (const key of Object.keys(parts.hidden)) {
    if (isDom && key !== "cause") continue;
    define(shell, key, (parts.hidden as Record<string, unknown>)[key], false);
  }
  if (parts.stack === undefined) delete (shell as { stack?: string }).stack;
  else define(shell, "stack", parts.stack, false);
  for (const key of Object.keys(parts.own)) define(shell, key, (parts.own as Record<string, unknown>)[key], true);
}
