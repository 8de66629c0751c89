/**
 * Tells the methods that a class got where it was written from those that were put there later, by a decorator for
 * instance.
 *
 * The first come with the source of the class; the others must be sent. Their text tells them apart.
 */

import { functionsIn } from "../look/function-properties.js";
import type { Origin } from "../look/find-origin.js";
import { methodStart } from "../look/script-source.js";
import type { ScriptSource } from "../look/script-source.js";
import { endOf } from "../look/syntax-tree.js";
import { isClassNode } from "../look/syntax-tree.js";
import { staticKey } from "../look/syntax-tree.js";
import type { SyntaxNode } from "../look/syntax-tree.js";

const COMPUTED = Symbol("computed");

/** The texts of the methods of each name. */
type Elements = ReadonlyMap<string | typeof COMPUTED, ReadonlySet<string>>;

const elementsOfClasses = new WeakMap<SyntaxNode, readonly [ofPrototype: Elements, ofClass: Elements]>();

function findElements({ info: { source } }: ScriptSource, node: SyntaxNode): readonly [Elements, Elements] {
  const ofPrototype = new Map<string | typeof COMPUTED, Set<string>>();
  const ofClass: typeof ofPrototype = new Map();
  for (const element of isClassNode(node) ? node.body.body : []) {
    if (element.type !== "MethodDefinition") continue;
    const key = element.key.type === "PrivateIdentifier" ? COMPUTED : (staticKey(element, element.key) ?? COMPUTED);
    const elements = element.static ? ofClass : ofPrototype;
    const text = source.slice(methodStart(source, element), endOf(element));
    elements.set(key, (elements.get(key) ?? new Set()).add(text));
  }
  return [ofPrototype, ofClass];
}

/**
 * Whether V8 has named a method or accessor after this key: what stands under another one as well is not written
 * twice.
 */
function isNamedAfter(key: string | symbol, fn: object): boolean {
  const name: unknown = Object.getOwnPropertyDescriptor(fn, "name")?.value;
  const shown = typeof key === "string" ? key : key.description === undefined ? "" : `[${key.description}]`;
  return name === shown || name === `get ${shown}` || name === `set ${shown}`;
}

/** Whether a method or accessor of a class, or of its prototype, is just what stands in its source. */
export function isWrittenInClass(
  { script, found: { node } }: Origin,
  place: "prototype" | "class",
  key: string | symbol,
  descriptor: PropertyDescriptor,
): boolean {
  const known = elementsOfClasses.get(node) ?? findElements(script, node);
  elementsOfClasses.set(node, known);
  const elements = known[place === "class" ? 1 : 0];
  return functionsIn(descriptor).every((part) => {
    const text = Function.prototype.toString.call(part);
    const isOfKey = typeof key === "string" && elements.get(key)?.has(text) === true;
    return isOfKey || (isNamedAfter(key, part) && elements.get(COMPUTED)?.has(text) === true);
  });
}
