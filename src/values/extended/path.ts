/** Where in a value a walker is: written so that the way down costs one assignment a property. */

import { NotSerializableError } from "../../errors.js";

/** A step down: a property's name, an index, or a place in a Map or Set. */
export type PathStep = string | number | { readonly in: "map" | "mapKeys" | "set"; readonly key: unknown };

/** What a value is, where nothing else is known. */
export const ANY_VALUE = "value";

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

/** Longest path shown, in steps; the middle of a longer one is left out. */
const MAX_SHOWN_STEPS = 32;

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function formatStep(step: PathStep): string {
  if (typeof step === "number") return `[${step}]`;
  if (typeof step === "string") return IDENTIFIER.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
  const { key } = step;
  const shown = typeof key === "string" ? JSON.stringify(key) : isObject(key) ? "{...}" : String(key);
  if (step.in === "set") return `.values()[${shown}]`;
  return step.in === "mapKeys" ? `.keys(${shown})` : `.get(${shown})`;
}

/** The way from the root of a value to the part that is being looked at. */
export class ValuePath {
  readonly #root: string;
  readonly #steps: PathStep[] = [];
  /** How many steps count; what lies behind them is left over from a branch already done. */
  depth = 0;

  constructor(root: string) {
    this.#root = root;
  }

  /** Notes which part of the object at `depth` is being looked at. */
  at(depth: number, step: PathStep): void {
    this.#steps[depth] = step;
    this.depth = depth + 1;
  }

  toString(): string {
    const steps = this.#steps.slice(0, this.depth).map(formatStep);
    if (steps.length <= MAX_SHOWN_STEPS) return this.#root + steps.join("");
    const half = MAX_SHOWN_STEPS / 2;
    return `${this.#root}${steps.slice(0, half).join("")}…${steps.slice(-half).join("")}`;
  }

  /** The error for the part that is being looked at. */
  refuse(what: string, options?: ErrorOptions): NotSerializableError {
    return new NotSerializableError(this.toString(), what, options);
  }
}

/** Whether an error says that the call stack is full; V8 throws the same from native code. */
export function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message === "Maximum call stack size exceeded";
}

/** Turns whatever reading a value threw into the error to report; a ready one is kept. */
export function toNotSerializable(error: unknown, path: ValuePath): NotSerializableError {
  if (error instanceof NotSerializableError) return error;
  if (isStackOverflow(error)) {
    path.depth = 0;
    return path.refuse("it is nested too deeply");
  }
  return path.refuse(`reading it threw ${describeThrown(error)}`, { cause: error });
}

/** Never throws. */
export function describeThrown(thrown: unknown): string {
  try {
    return thrown instanceof Error ? `"${thrown.message}"` : String(thrown);
  } catch {
    return "something that can't be shown";
  }
}
