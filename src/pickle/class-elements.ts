/**
 * Tells the methods that a class got where it was written from those that were put there later, by a decorator for instance.
 *
 * The first come with the source of the class; the others must be sent.
 */

import { methodStart } from "./script-source.js";
import type { ScriptSource } from "./script-source.js";
import { endOf } from "./syntax-tree.js";
import { staticKey } from "./syntax-tree.js";
import type { SyntaxNode } from "./syntax-tree.js";

const COMPUTED = Symbol("computed");

type Elements = ReadonlyMap<string | typeof COMPUTED, ReadonlySet<string>>;

const elementsOfClasses = new WeakMap<SyntaxNode, readonly [ofPrototype: Elements, ofClass: Elements]>();

function findElements(script: ScriptSource, node: SyntaxNode): readonly [Elements, Elements] {
  const found: readonly [Map<string | symbol, Set<string>>, Map<string | symbol, Set<string>>] = [
    new Map(),
    new Map(),
  ];
  const { source } = script.info;
  if (node.type === "ClassDeclaration" || node.type === "ClassExpression") {
    for (const element of node.body.body) {
      if (element.type !== "MethodDefinition") continue;
      const key = element.key.type === "PrivateIdentifier" ? undefined : staticKey(element, element.key);
      const elements = found[element.static ? 1 : 0];
      const texts = elements.get(key ?? COMPUTED) ?? new Set();
      elements.set(key ?? COMPUTED, texts.add(source.slice(methodStart(source, element), endOf(element))));
    }
  }
  return found as readonly [Elements, Elements];
}

/** Whether a property of a class, or of its prototype, is just what stands in its source. Only functions are looked at. */
export function isWrittenInClass(
  script: ScriptSource,
  node: SyntaxNode,
  place: "prototype" | "class",
  key: string | symbol,
  descriptor: PropertyDescriptor,
): boolean {
  const known = elementsOfClasses.get(node) ?? findElements(script, node);
  elementsOfClasses.set(node, known);
  const elements = known[place === "class" ? 1 : 0];
  const ofKey = typeof key === "string" ? elements.get(key) : undefined;
  const parts: unknown[] = [descriptor.value, descriptor.get, descriptor.set].filter((part) => part !== undefined);
  return parts.every((part) => {
    if (typeof part !== "function") return false;
    const text = Function.prototype.toString.call(part);
    return ofKey?.has(text) === true || elements.get(COMPUTED)?.has(text) === true;
  });
}
