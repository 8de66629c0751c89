/** Errors as plain parts, and the way back. */

import { errorClassTag } from "./classes.js";
import { errorPrototype } from "./classes.js";
import { prototypeFor } from "./classes.js";
import { isDomException } from "./classes.js";
import { ownConstructor } from "../classes/classify.js";
import { ownName } from "./classes.js";
import { setStack } from "./stacks.js";
import { stackAsSent } from "./stacks.js";
import { stackOf } from "./stacks.js";
import type { ErrorClassTag } from "./classes.js";

/** What travels of an error. */
export interface ErrorParts {
  readonly classTag: ErrorClassTag;
  /** `undefined` when the error has no stack. */
  readonly stack: string | undefined;
  /** Own enumerable properties. */
  readonly own: object;
  /** Those that are not enumerable. */
  readonly hidden: object;
}

/** What a `DOMException` keeps elsewhere than in properties. */
const DOM_KEYS: ReadonlySet<string> = new Set(["message", "name", "code"]);

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
  for (const key of Object.getOwnPropertyNames(error)) {
    if (key === "stack") continue;
    const isEnumerable = Object.prototype.propertyIsEnumerable.call(error, key);
    const value = read(error, key);
    // Of methods, which the class may have as well, a text would take the place.
    if (!isEnumerable && typeof value === "function") continue;
    define(isEnumerable ? own : hidden, key, value, true);
  }
  // What the class gives by inheritance, in case the other process does not know the class.
  const prototype = errorPrototype(classTag.key);
  for (const key of ["message", "name"]) {
    if (Object.hasOwn(own, key) || Object.hasOwn(hidden, key)) continue;
    const inherited = read(error, key);
    if (isDomException(classTag.key) || inherited !== read(prototype, key)) define(hidden, key, inherited, true);
  }
  const stack = stackOf(error);
  return { classTag, stack: stack === undefined ? undefined : stackAsSent(stack), own, hidden };
}

/**
 * Makes an error with the right class and nothing in it. Runs no constructor but those of `Error` and `DOMException`.
 */
export function makeErrorShell(classTag: ErrorClassTag, own: object, hidden: object): Error {
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
    Object.setPrototypeOf(shell, prototypeFor(classTag, asText(read(own, "name")) || asText(read(hidden, "name"))));
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
    if (isDom && DOM_KEYS.has(key)) continue;
    define(shell, key, (parts.hidden as Record<string, unknown>)[key], false);
  }
  if (parts.stack === undefined) delete (shell as { stack?: string }).stack;
  else setStack(shell, parts.stack);
  for (const key of Object.keys(parts.own)) define(shell, key, (parts.own as Record<string, unknown>)[key], true);
  if (!isDom) nameUnknownClass(shell, parts.classTag);
}

/**
 * An error whose own class this process does not know, and that has no name of its own: its name becomes that of the
 * class, since nothing else would tell which it was.
 */
function nameUnknownClass(shell: Error, { key, classes }: ErrorClassTag): void {
  const [own] = classes;
  const prototype = errorPrototype(key) as Error;
  const arrivedAs = ownConstructor(Object.getPrototypeOf(shell) as object);
  if (own === undefined || Object.hasOwn(shell, "name")) return;
  if (arrivedAs !== undefined && ownName(arrivedAs) === own.name) return;
  define(shell, "name", own.name, false);
  const { stack } = shell;
  if (stack?.startsWith(prototype.name) !== true || !/^(?::|\n|$)/.test(stack.slice(prototype.name.length))) return;
  setStack(shell, own.name + stack.slice(prototype.name.length));
}
