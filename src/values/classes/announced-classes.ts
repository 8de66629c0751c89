/**
 * Classes that the parent has registered, as a worker knows them: by their names and their text. The worker may have
 * loaded the same class from its module, by an import that nothing in the pickle tells of.
 */

import process from "node:process";
import { types } from "node:util";

/** What tells a class of the same text from others. */
export interface ClassMark {
  /** The name that it was registered under. */
  readonly name: string;
  readonly digest: string;
}

const digests = new WeakMap<object, string>();

/** A digest of the text of a class, and of the classes that it extends. */
export function digestOf(value: object): string {
  const known = digests.get(value);
  if (known !== undefined) return known;
  // Most workers never need it.
  const hash = process.getBuiltinModule("node:crypto").createHash("sha256");
  for (let at: unknown = value; typeof at === "function" && !types.isProxy(at); at = Object.getPrototypeOf(at)) {
    hash.update(`${Function.prototype.toString.call(at)}\n`);
  }
  const digest = hash.digest("base64");
  digests.set(value, digest);
  return digest;
}

const names = new Map<string, string>();
/** Classes that are none of these. */
let others = new WeakSet<object>();

/** Notes classes that the parent has registered. @returns Whether one of them is new. */
export function noteAnnounced(marks: readonly ClassMark[]): boolean {
  const added = marks.filter(({ digest, name }) => names.get(digest) !== name);
  for (const { digest, name } of added) names.set(digest, name);
  if (added.length > 0) others = new WeakSet();
  return added.length > 0;
}

/** Those that were noted, for the workers of this process. */
export function announcedMarks(): ClassMark[] {
  return Array.from(names, ([digest, name]) => ({ name, digest }));
}

/** The name under which the parent has registered a class that this process has loaded. Runs no traps. */
export function announcedName(value: object): string | undefined {
  if (names.size === 0 || others.has(value) || types.isProxy(value)) return undefined;
  const name = names.get(digestOf(value));
  if (name === undefined) others.add(value);
  return name;
}
