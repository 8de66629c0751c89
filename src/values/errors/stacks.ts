/** Stacks of errors as text, and the frames in them of this library, which tell the reader of an error nothing. */

import process from "node:process";

const FRAME = /^\s+at /;

/** The folder of the library as stacks show it, by whether source maps are on. */
const roots = new Map<boolean, string | undefined>();

/** Frames of Node that say that a queue was worked off, and below which nothing of the user's can stand. */
const TURN_OF_LOOP = /\(node:internal\/(?:process\/task_queues|timers)[:)]/;

let isLibraryLeftOut = false;

/**
 * From now on, stacks leave this process without the library's frames; for workers, where it calls all that is the
 * user's.
 */
export function leaveOutOwnFrames(): void {
  isLibraryLeftOut = true;
}

function readStack(holder: object): unknown {
  return (holder as { stack?: unknown }).stack;
}

/** As Node itself writes it: V8 asks the program's function again after it has thrown. */
function readPlainStack(holder: object): unknown {
  const { prepareStackTrace } = Error;
  try {
    Error.prepareStackTrace = undefined as never;
    return readStack(holder);
  } catch {
    return null;
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
  }
}

function show(holder: object, frames: readonly unknown[]): string {
  try {
    return [Error.prototype.toString.call(holder), ...frames.map((frame) => `    at ${String(frame)}`)].join("\n");
  } catch {
    // A name or a frame that can't be shown.
    return "Error";
  }
}

/**
 * The stack of an error, or of what `Error.captureStackTrace` was given, as text; `undefined` when it has none. Never
 * throws.
 *
 * A program's `Error.prepareStackTrace` may throw, or give anything: often the list of frames.
 */
export function stackOf(holder: object): string | undefined {
  let stack: unknown;
  try {
    stack = readStack(holder);
  } catch {
    stack = readPlainStack(holder);
  }
  if (typeof stack === "string") return stack;
  if (stack === undefined && !Object.hasOwn(holder, "stack")) return undefined;
  return show(holder, Array.isArray(stack) ? stack : []);
}

/**
 * Gives an error its stack. To define it makes V8 ask the program's `Error.prepareStackTrace` for the old one, which
 * may throw; to assign to it doesn't.
 */
export function setStack(error: Error, stack: string): void {
  if (Object.hasOwn(error, "stack")) error.stack = stack;
  else Object.defineProperty(error, "stack", { value: stack, enumerable: false, configurable: true, writable: true });
}

/** Finds the folder from a stack made here: it may be a URL, or a path of the source where source maps are on. */
function readRoot(): string | undefined {
  const line = stackOf(new Error("shows where this file is"))
    ?.split("\n")
    .find((each) => FRAME.test(each));
  const root =
    /(?:\(|at )((?:file:\/\/)?\/.*\/|[A-Za-z]:\\.*\\)(?:values[/\\]errors[/\\]stacks\.[jt]s|\w+\.cjs):\d/.exec(
      line ?? "",
    )?.[1];
  return root;
}

function ownRoot(): string | undefined {
  const isMapped = process.sourceMapsEnabled;
  const known = roots.get(isMapped);
  if (known !== undefined) return known;
  const root = readRoot();
  // The limit of frames may be zero at this moment, and another one later.
  if (root !== undefined) roots.set(isMapped, root);
  return root;
}

/** The stack of an error that leaves this process. */
export function stackAsSent(stack: string): string {
  return isLibraryLeftOut ? withoutOwnFrames(stack) : stack;
}

/**
 * A stack without the frames through which the user's code was called: those of the library and of Node's queues at
 * its end, with what of Node lies between. A stack that has no others stays as it is.
 */
export function withoutOwnFrames(stack: string): string {
  const root = ownRoot();
  const lines = stack.split("\n");
  let kept = lines.length;
  for (let end = lines.length; end > 0; end -= 1) {
    const line = lines[end - 1] ?? "";
    if (!FRAME.test(line)) break;
    if ((root !== undefined && line.includes(root)) || TURN_OF_LOOP.test(line)) kept = end - 1;
    else if (!/node:|<anonymous>/.test(line)) break;
  }
  return FRAME.test(lines[kept - 1] ?? "") ? lines.slice(0, kept).join("\n") : stack;
}
