/** Reads options, so that a name that nobody knows is an error, and not a wish without an effect. */

import { InvalidOptionError } from "./errors.js";
import { showValue } from "./show-value.js";

/** What is known of the options of one call. */
export interface OptionList {
  /** The call as users write it, such as `executor.with()`. */
  readonly call: string;
  readonly names: readonly string[];
  /** Shown to those who pass no object, such as `{ timeoutMs: 5000 }`. */
  readonly example: string;
  /** What users of other pools may write, in lower case without underscores, with its name here. */
  readonly otherNames?: Readonly<Record<string, string>>;
  /** Of other calls, whose options may be passed here by mistake. */
  readonly otherLists?: readonly OptionList[];
}

/** The names of all options of a kind; the compiler sees to it that none is missing. */
export function namesOf<T>(names: Readonly<Record<keyof T, true>>): readonly string[] {
  return Object.keys(names);
}

/** A name without what people spell differently. */
function plainName(name: string): string {
  return name.replaceAll(/[^\p{L}\p{N}]/gu, "").toLowerCase();
}

/** How many letters have to be inserted, removed or replaced to make one text of the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 0; i < from.length; i += 1) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j += 1) {
      const replaced = (row[j] ?? 0) + (from[i] === to[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** The option that is the same but for its spelling, or has this name elsewhere. */
function findSame(plain: string, { names, otherNames = {} }: OptionList): string | undefined {
  const other = Object.hasOwn(otherNames, plain) ? otherNames[plain] : undefined;
  return names.find((name) => plainName(name) === plain) ?? other;
}

/** The option that is the same but for a third of its letters. */
function findNear(plain: string, { names }: OptionList): string | undefined {
  let nearest: string | undefined;
  let least = Infinity;
  for (const name of names) {
    const distance = editDistance(plain, plainName(name));
    if (distance >= least || distance > Math.max(plain.length, name.length) / 3) continue;
    nearest = name;
    least = distance;
  }
  return nearest;
}

function adviceFor(name: string, list: OptionList): string {
  // No name that long is a slip, and comparing it takes long.
  const plain = plainName(name.slice(0, 50));
  for (const find of [findSame, findNear]) {
    const own = find(plain, list);
    if (own !== undefined) return `Did you mean "${own}"?`;
    for (const other of list.otherLists ?? []) {
      const elsewhere = find(plain, other);
      if (elsewhere !== undefined) return `"${elsewhere}" is an option of ${other.call}.`;
    }
  }
  return `Its options are: ${list.names.join(", ")}.`;
}

/** A revoked proxy can't even be asked whether it is an array. */
function isOptionsObject(value: unknown): value is object {
  try {
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** Whether it is a literal, of this realm or another one: an instance of a class may have fields of its own. */
function isPlain(options: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(options);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * Reads each known option once: own and inherited ones, properties and accessors.
 *
 * @throws InvalidOptionError for what is no object, and for a name that is not known, unless its value is `undefined`.
 */
export function readOptions<T extends object>(options: T | undefined, list: OptionList): T {
  const read: Record<string, unknown> = {};
  if (options === undefined) return read as T;
  if (!isOptionsObject(options)) {
    const shown = showValue(options);
    throw new InvalidOptionError(
      "options",
      `${list.call} takes an object of options, such as ${list.example}, but was given ${shown}.`,
    );
  }
  if (isPlain(options)) {
    for (const name of Object.keys(options)) {
      if (list.names.includes(name) || Reflect.get(options, name) === undefined) continue;
      throw new InvalidOptionError(name, `${list.call} has no option "${name}". ${adviceFor(name, list)}`);
    }
  }
  for (const name of list.names) {
    const value: unknown = Reflect.get(options, name);
    if (value !== undefined) read[name] = value;
  }
  return read as T;
}
