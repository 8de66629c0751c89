/** Errors as plain parts, and the way back. */

import { errorClassTag } from "./error-codec-classes.js";
import { errorPrototype } from "./error-codec-classes.js";
import { prototypeFor } from "./error-codec-classes.js";
import { isDomException } from "./error-codec-classes.js";
import { stackAsSent } from "./error-frames.js";
import type { ErrorClassTag } from "./error-codec-classes.js";

/** What travels of an error. */
export interface ErrorParts {
  readonly classTag: ErrorClassTag;
  /** `undefined` when the error has no stack. */
  readonly stack: string | undefined;
  /** Own enumerable properties. */
  readonly own: object;
  /** Properties that are not enumerable. */
  readonly hidden: object;
}

/** Own properties that travel although they are not enumerable. */
const HIDDEN_KEYS = ["message", "name", "code", "cause", "errors", "error", "suppressed"] as const;

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
  const classTag = errorClassTag(error);
  const own = {};
  const hidden = {};
  for (const key of Object.keys(error)) if (key !== "stack") define(own, key, read(error, key), true);
  for (const key of HIDDEN_KEYS) {
    const descriptor = Object.getOwnPropertyDescriptor(error, key);
    if (descriptor !== undefined && !descriptor.enumerable) define(hidden, key, read(error, key), true);
  }
  // What the class gives by inheritance, in case the other process does not know the class.
  const prototype = errorPrototype(classTag.key);
  for (const key of ["message", "name"]) {
    if (Object.hasOwn(own, key) || Object.hasOwn(hidden, key)) continue;
    const inherited = read(error, key);
    if (isDomException(classTag.key) || inherited !== read(prototype, key)) define(hidden, key, inherited, true);
  }
  const stack = read(error, "stack");
  return { classTag, stack: typeof stack === "string" ? stackAsSent(stack) : undefined, own, hidden };
}

/** Makes an error with the right class and nothing in it. Runs no constructor but those of `Error` and `DOMException`. */
export function makeErrorShell(classTag: ErrorClassTag, hidden: object): Error {
  // The stack is put in later; taking one here would cost more than all the rest.
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    if (isDomException(classTag.key)) {
      const shell = new DOMException(asText(read(hidden, "message")), asText(read(hidden, "name")));
      if (classTag.classes.length > 0) Object.setPrototypeOf(shell, prototypeFor(classTag));
      return shell;
    }
    // A real error, so that util.types.isNativeError, and with it inspect, takes it for one.
    const shell = new Error();
    Object.setPrototypeOf(shell, prototypeFor(classTag));
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
  const { key } = parts.classTag;
  const isDom = isDomException(key);
  for (const key of Object.keys(parts.hidden)) {
    if (isDom && key !== "cause") continue;
    define(shell, key, (parts.hidden as Record<string, unknown>)[key], false);
  }
  if (parts.stack === undefined) delete (shell as { stack?: string }).stack;
  else define(shell, "stack", parts.stack, false);
  for (const key of Object.keys(parts.own)) define(shell, key, (parts.own as Record<string, unknown>)[key], true);
  if (!isDom) nameUnknownClass(shell, parts.classTag);
}

/**
 * An error of a class that this process doesn't know, and that gives its instances no name: its name becomes that of the class,
 * since nothing else would tell which it was.
 */
function nameUnknownClass(shell: Error, { key, classes }: ErrorClassTag): void {
  const [own] = classes;
  const prototype = errorPrototype(key) as Error;
  if (own === undefined || Object.getPrototypeOf(shell) !== prototype || Object.hasOwn(shell, "name")) return;
  define(shell, "name", own.name, false);
  const { stack } = shell;
  if (stack?.startsWith(prototype.name) !== true || !/^(?::|\n|$)/.test(stack.slice(prototype.name.length))) return;
  define(shell, "stack", own.name + stack.slice(prototype.name.length), false);
}
