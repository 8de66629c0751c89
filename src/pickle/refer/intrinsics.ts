/** Objects of the language that no global leads to by its name, and that code gets hold of by way of others. */

import type { ExternalNode } from "../graph/format.js";

function prototypeOf(value: object): object {
  return Object.getPrototypeOf(value) as object;
}

const generator = prototypeOf((function* () {})()) as { readonly constructor: object };
const asyncGenerator = prototypeOf((async function* () {})()) as { readonly constructor: object };

function constructorOf(fn: object): object {
  return (fn as { readonly constructor: object }).constructor;
}

const TYPED_ARRAY = prototypeOf(Uint8Array) as { readonly prototype: object };

/** By name, which means the same in every process. */
const INTRINSICS: Readonly<Record<string, object>> = {
  TypedArray: TYPED_ARRAY,
  "TypedArray.prototype": TYPED_ARRAY.prototype,
  AsyncFunction: constructorOf(async () => {}),
  GeneratorFunction: constructorOf(function* () {}),
  AsyncGeneratorFunction: constructorOf(async function* () {}),
  "Generator.prototype": prototypeOf(generator),
  "AsyncGenerator.prototype": prototypeOf(asyncGenerator),
  "Iterator.prototype": prototypeOf(prototypeOf([].values())),
  "ArrayIterator.prototype": prototypeOf([].values()),
  "MapIterator.prototype": prototypeOf(new Map().values()),
  "SetIterator.prototype": prototypeOf(new Set().values()),
  "StringIterator.prototype": prototypeOf(""[Symbol.iterator]()),
  "AsyncIterator.prototype": prototypeOf(prototypeOf(asyncGenerator)),
};

const names: ReadonlyMap<object, string> = new Map(Object.entries(INTRINSICS).map(([name, value]) => [value, name]));

/** How a worker finds the same object, if it is one of these. */
export function intrinsicNode(value: object): ExternalNode | undefined {
  const name = names.get(value);
  return name === undefined ? undefined : { kind: "intrinsic", name };
}

/** The object of that name. */
export function intrinsicNamed(name: string): object | undefined {
  return Object.hasOwn(INTRINSICS, name) ? INTRINSICS[name] : undefined;
}
