/**
 * Classes whose instances arrive as instances: by `registerClass`, or by a pair of static hooks.
 *
 * A class goes by its name on the wire. A worker that doesn't know the name gets the class from the parent; the parent takes
 * nothing but what is registered in it.
 */

import { types } from "node:util";

/** Any class. */
export type AnyClass = (abstract new (...args: never[]) => object) & { readonly prototype: object };

/** Name of the static method that takes an instance and gives what is to be sent of it; see `registerClass`. */
export const encodeInstance: unique symbol = Symbol.for("asynccpu.encodeInstance");

/** Name of the static method that takes what `[encodeInstance]` gave, and makes the instance in the other process. */
export const decodeInstance: unique symbol = Symbol.for("asynccpu.decodeInstance");

/** The static methods of a class that sends its instances itself. */
export interface InstanceHooks {
  [encodeInstance](instance: object): unknown;
  [decodeInstance](plain: unknown): object;
}

/** A class that has opted in. */
export interface OptIn {
  readonly name: string;
  readonly class: AnyClass;
}

const byName = new Map<string, AnyClass>();
const nameOf = new WeakMap<object, string>();
const listeners: (() => void)[] = [];

/** Calls back when a class has got, or lost, its name. */
export function onClassRegistered(listener: () => void): void {
  listeners.push(listener);
}

/** Whether a class has both hooks, own or inherited. Runs no traps. */
export function hasHooks(value: object): value is InstanceHooks & AnyClass {
  if (types.isProxy(value)) return false;
  return (
    typeof Reflect.get(value, encodeInstance) === "function" &&
    typeof Reflect.get(value, decodeInstance) === "function"
  );
}

/** Gives a class its name. A second class of the same name takes the place of the first. */
export function addClass(added: AnyClass, name: string): void {
  const previous = byName.get(name);
  if (previous === added && nameOf.get(added) === name) return;
  if (previous !== undefined) nameOf.delete(previous);
  const oldName = nameOf.get(added);
  if (oldName !== undefined) byName.delete(oldName);
  byName.set(name, added);
  nameOf.set(added, name);
  for (const listener of listeners) listener();
}

/** The name under which a class is known; one with hooks is taken up by its own name when it is first met. */
export function classNameOf(value: object): string | undefined {
  const known = nameOf.get(value);
  if (known !== undefined || typeof value !== "function" || !hasHooks(value)) return known;
  const ownName: unknown = Object.getOwnPropertyDescriptor(value, "name")?.value;
  // A namesake that was registered keeps its name: this one is met by chance.
  if (typeof ownName !== "string" || ownName === "" || byName.has(ownName)) return undefined;
  addClass(value, ownName);
  return ownName;
}

/** The class of this name, if this process knows one. */
export function classNamed(name: string): AnyClass | undefined {
  return byName.get(name);
}

/** Whether a class is one of errors. */
export function isErrorClass(value: AnyClass): value is AnyClass & { readonly prototype: Error } {
  return value.prototype instanceof Error;
}

/** The class whose instances have exactly this prototype, if it has opted in. */
export function optInOf(constructor: object | undefined): OptIn | undefined {
  const name = constructor === undefined ? undefined : classNameOf(constructor);
  if (name === undefined) return undefined;
  const found = constructor as AnyClass;
  // Errors travel as errors, with stack and cause.
  return isErrorClass(found) && !hasHooks(found) ? undefined : { name, class: found };
}
