/** Classes whose instances arrive as instances of the same class. */

import { hostDecoder } from "./host-classes.js";
import { hostExtension } from "./host-classes.js";
import { STUB_TAG } from "./process-bound.js";
import { describeStub } from "./process-bound.js";
import { isProcessBound } from "./process-bound.js";
import { isStub } from "./process-bound.js";
import { makeStub } from "./process-bound.js";

/** How the instances of a class travel. Register the same extension in both processes. */
export interface CodecExtension<T extends object = object> {
  /** Names the extension on the wire; unique, such as `mypackage.Matrix`. */
  readonly tag: string;
  /** The class; instances of subclasses travel by this extension too, unless they have one of their own. */
  readonly class: { readonly prototype: T };
  /** Gives what is to be sent: plain data, which may itself hold errors and instances with extensions. */
  encode(instance: T): unknown;
  /** Makes the instance in the other process. */
  decode(plain: unknown): T;
}

const byTag = new Map<string, Omit<CodecExtension, "class"> & Partial<CodecExtension>>();
const byPrototype = new Map<object, CodecExtension>();
const listeners: (() => void)[] = [];

/**
 * Lets instances of a class survive the way between processes.
 *
 * A second registration under the same tag takes the place of the first: a function that travels by value may bring
 * its own copy of the class.
 */
export function registerCodecExtension<T extends object>(extension: CodecExtension<T>): void {
  const previous = byTag.get(extension.tag);
  if (previous?.class !== undefined) byPrototype.delete(previous.class.prototype);
  byTag.set(extension.tag, extension);
  byPrototype.set(extension.class.prototype, extension);
  for (const listener of listeners) listener();
}

/** Calls back after every registration, for those who remember look-ups. */
export function onExtensionRegistered(listener: () => void): void {
  listeners.push(listener);
}

/** The extension registered for exactly this prototype. */
export function extensionOfPrototype(prototype: object): CodecExtension | undefined {
  return byPrototype.get(prototype);
}

/** A kind of object that is known by what its prototype has, of a package that is not loaded here. */
export interface CodecShape extends Omit<CodecExtension, "class"> {
  /** Whether the objects of this prototype are such. Runs no getter. */
  fits(prototype: object): boolean;
}

const shapes: CodecShape[] = [];

/** Lets objects of a shape travel. */
export function registerCodecShape(shape: CodecShape): void {
  if (!shapes.some(({ tag }) => tag === shape.tag)) shapes.push(shape);
  byTag.set(shape.tag, shape);
  for (const listener of listeners) listener();
}

/** The shape that the objects of a prototype have. */
export function shapeOfPrototype(prototype: object): CodecShape | undefined {
  return shapes.find((each) => each.fits(prototype));
}

/** How an object travels that is no plain one. */
export interface ObjectExtension extends Omit<CodecExtension, "class" | "encode"> {
  readonly isImmutable?: boolean;
  /** @param where - The path to the object, for the messages of what can't be used there. */
  encode(instance: object, where?: string): unknown;
}

const STUB: ObjectExtension = { tag: STUB_TAG, isImmutable: true, encode: describeStub, decode: makeStub };

/** The extension for an object: the nearest on its prototype chain. */
export function extensionOf(object: object): ObjectExtension | undefined {
  if (isStub(object)) return STUB;
  const prototype = Object.getPrototypeOf(object) as object | null;
  for (let at = prototype; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const constructor: unknown = Object.getOwnPropertyDescriptor(at, "constructor")?.value;
    const host = typeof constructor === "function" ? hostExtension(constructor) : undefined;
    const found = byPrototype.get(at) ?? host ?? (isProcessBound(at) ? STUB : undefined);
    if (found !== undefined) return found;
  }
  return prototype === null ? undefined : shapeOfPrototype(prototype);
}

/** @throws Error when no extension has this tag in this process. */
export function extensionByTag(tag: string): Pick<CodecExtension, "decode"> {
  const decode = tag === STUB_TAG ? makeStub : hostDecoder(tag);
  if (decode !== undefined) return { decode };
  const found = byTag.get(tag);
  if (found === undefined) {
    throw new Error(`No codec extension "${tag}" is registered in this process; register it in both processes.`);
  }
  return found;
}
