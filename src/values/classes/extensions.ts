/** Objects that are more than their properties, and arrive as what they were: each kind with its way. */

import { damaged } from "./damaged.js";
import { hostDecoder } from "./host-classes.js";
import { hostExtension } from "./host-classes.js";
import type { Extension } from "./host-classes.js";
import { STUB_TAG } from "./process-bound.js";
import { describeStub } from "./process-bound.js";
import { isProcessBound } from "./process-bound.js";
import { isStub } from "./process-bound.js";
import { makeStub } from "./process-bound.js";

/** A kind that a file of this library adds, in both processes. */
export interface AddedExtension extends Extension {
  /** Whether the objects of this prototype, and of those below it, are of the kind. Runs no getter. */
  fits(prototype: object): boolean;
}

const added: AddedExtension[] = [];

/** Adds a kind; to be called while the library is loaded, before any object is met. */
export function addExtension(extension: AddedExtension): void {
  added.push(extension);
}

const STUB: Extension = { tag: STUB_TAG, isImmutable: true, encode: describeStub, decode: makeStub };

/** The way of the objects of exactly this prototype. */
export function extensionAt(prototype: object): Extension | undefined {
  const constructor: unknown = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  const host = typeof constructor === "function" ? hostExtension(constructor) : undefined;
  if (host !== undefined || isProcessBound(prototype)) return host ?? STUB;
  return added.find((each) => each.fits(prototype));
}

/** The way of an object: the nearest on its prototype chain. */
export function extensionOf(object: object): Extension | undefined {
  if (isStub(object)) return STUB;
  for (let at: unknown = Object.getPrototypeOf(object); at !== null; at = Object.getPrototypeOf(at)) {
    const found = extensionAt(at as object);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Makes the object of the kind that a tag names. @throws Error for an unknown tag. */
export function decodeByTag(tag: string, plain: unknown): object {
  const decode = tag === STUB_TAG ? makeStub : (hostDecoder(tag) ?? added.find((each) => each.tag === tag)?.decode);
  if (decode === undefined) throw damaged("an object is of an unknown kind");
  return decode(plain);
}
