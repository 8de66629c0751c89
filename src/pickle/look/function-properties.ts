/** Tells what a function or class has by itself from what the program has given it: properties, and prototypes. */

import type { FoundFunction } from "./script-source.js";
import { isClassNode } from "./syntax-tree.js";
import { hasNativeCode } from "../../values/classes/classify.js";
import { ownConstructor } from "../../values/classes/classify.js";
import type { AnyFunction } from "../../values/classes/value-writer.js";

/**
 * Whether it is a property that every function has by itself: a member called `name` is none. What else it is set to
 * is not sent.
 */
export function isStandardProperty(key: string | symbol, { value, writable }: PropertyDescriptor): boolean {
  if (key === "prototype") return true;
  if (key === "name" || key === "length") return writable === false && typeof value !== "function";
  // Those of functions that are not strict.
  return (key === "arguments" || key === "caller") && value === null;
}

/** Whether it is a method or an accessor. */
export function isFunctional({ value, get, set }: PropertyDescriptor): boolean {
  return typeof value === "function" || get !== undefined || set !== undefined;
}

/** The functions that a property consists of: a method, or what gets and sets it. */
export function functionsIn({ value, get, set }: PropertyDescriptor): AnyFunction[] {
  return [value, get, set].filter((part): part is AnyFunction => typeof part === "function");
}

/** Whether a method has been given properties, beside those that it has by itself. */
export function hasOwnProperties(fn: AnyFunction): boolean {
  return Reflect.ownKeys(fn).some((key) => {
    return !isStandardProperty(key, Object.getOwnPropertyDescriptor(fn, key) ?? {});
  });
}

/** Functions of each kind inherit from an object of their own. */
const PARENTS_OF_FUNCTIONS: ReadonlySet<unknown> = new Set(
  [() => {}, async () => {}, function* () {}, async function* () {}].map(
    (each) => Object.getPrototypeOf(each) as unknown,
  ),
);

const KINDS: ReadonlySet<string> = new Set([
  "Function",
  "AsyncFunction",
  "GeneratorFunction",
  "AsyncGeneratorFunction",
]);

/** The name of the native class that a prototype belongs to, in whatever realm: Jest's tests have one of their own. */
function nativeClassOf(prototype: object): string | undefined {
  const constructor = ownConstructor(prototype);
  return constructor?.prototype === prototype && hasNativeCode(constructor) ? constructor.name : undefined;
}

/** Whether functions inherit from it unless they are told otherwise. */
export function isParentOfFunctions(parent: unknown): boolean {
  if (parent === null || (typeof parent !== "object" && typeof parent !== "function")) return false;
  return PARENTS_OF_FUNCTIONS.has(parent) || KINDS.has(nativeClassOf(parent) ?? "");
}

function isObjectPrototype(prototype: object | null): boolean {
  if (prototype === null) return false;
  return prototype === Object.prototype || nativeClassOf(prototype) === "Object";
}

/** What stands behind `extends`. */
export type Heritage =
  | { readonly kind: "none" }
  | { readonly kind: "null" }
  /** A global that every worker has. */
  | { readonly kind: "global"; readonly name: string }
  /** Whatever the class inherits from now: this is sent as its superclass. */
  | { readonly kind: "sent" };

/** Of a class whose superclass is not sent. */
export function heritageOf({ node }: FoundFunction, name: string | undefined): Heritage {
  if (name !== undefined) return { kind: "global", name };
  return { kind: isClassNode(node) && node.superClass != null ? "null" : "none" };
}

/** Whether the function inherits from what its copy will inherit from, made anew from the source. */
export function hasUsualParent(fn: AnyFunction, heritage: Heritage): boolean {
  if (heritage.kind === "sent") return true;
  const parent = Object.getPrototypeOf(fn) as object | null;
  if (heritage.kind !== "global") return isParentOfFunctions(parent);
  return typeof parent === "function" && parent.name === heritage.name && hasNativeCode(parent);
}

/** Whether the prototype of a function inherits from what that of its copy will inherit from. */
export function hasUsualPrototype(fn: AnyFunction, prototype: object, heritage: Heritage): boolean {
  const parent = Object.getPrototypeOf(prototype) as object | null;
  if (heritage.kind === "none") return isObjectPrototype(parent);
  if (heritage.kind === "null") return parent === null;
  if (heritage.kind === "global" && !hasUsualParent(fn, heritage)) return false;
  const superclass = Object.getPrototypeOf(fn) as object | null;
  const descriptor = superclass === null ? undefined : Object.getOwnPropertyDescriptor(superclass, "prototype");
  // An accessor is not run.
  return descriptor === undefined || !Object.hasOwn(descriptor, "value") || descriptor.value === parent;
}
