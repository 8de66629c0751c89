/** Classes whose instances arrive as instances of the same class. */

import { hostDecoder } from "./codec-host-classes.js";
import { hostExtension } from "./codec-host-classes.js";

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

const byTag = new Map<string, CodecExtension>();
const byPrototype = new Map<object, CodecExtension>();
const listeners: (() => void)[] = [];

/**
 * Lets instances of a class survive the way between processes.
 *
 * A second registration under the same tag takes the place of the first: a function that travels by value may bring its
 * own copy of the class.
 */
export function registerCodecExtension<T extends object>(extension: CodecExtension<T>): void {
  const previous = byTag.get(extension.tag);
  if (previous !== undefined) byPrototype.delete(previous.class.prototype);
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

/** The extension for an object: the nearest on its prototype chain. */
export function extensionOf(object: object): Omit<CodecExtension, "class"> | undefined {
  for (let at: unknown = Object.getPrototypeOf(object); at !== null; at = Object.getPrototypeOf(at)) {
    const constructor: unknown = Object.getOwnPropertyDescriptor(at, "constructor")?.value;
    const host = typeof constructor === "function" ? hostExtension(constructor) : undefined;
    const found = byPrototype.get(at as object) ?? host;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** @throws Error when no extension has this tag in this process. */
export function extensionByTag(tag: string): Pick<CodecExtension, "decode"> {
  const decode = hostDecoder(tag);
  if (decode !== undefined) return { decode };
  const found = byTag.get(tag);
  if (found === undefined) {
    throw new Error(`No codec extension "${tag}" is registered in this process; register it in both processes.`);
  }
  return found;
}
