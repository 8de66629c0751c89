/**
 * Tells the methods that a class got where it was written from those that were put there later, by a decorator for
 * instance.
 *
 * The first come with the source of the class; the others must be sent. The text alone doesn't tell: classes of one
 * factory have methods of the same text, from the same place, and each may have been given one of another's.
 */

import type { FreeVariable } from "../variables/free-variables.js";
import type { FunctionInspector } from "../look/function-inspector.js";
import { functionsIn } from "../look/function-properties.js";
import { functionShape } from "../variables/function-shape.js";
import type { FunctionShape } from "../variables/function-shape.js";
import { isStandardGlobal } from "../refer/known-values.js";
import { methodStart } from "../look/script-source.js";
import type { FoundFunction } from "../look/script-source.js";
import type { ScriptSource } from "../look/script-source.js";
import { endOf } from "../look/syntax-tree.js";
import { isClassNode } from "../look/syntax-tree.js";
import { staticKey } from "../look/syntax-tree.js";
import type { SyntaxNode } from "../look/syntax-tree.js";
import { lookUp } from "../look/look-up.js";

const COMPUTED = Symbol("computed");

/** The methods of each name, by their text. */
type Elements = ReadonlyMap<string | typeof COMPUTED, ReadonlyMap<string, FoundFunction>>;

const elementsOfClasses = new WeakMap<SyntaxNode, readonly [ofPrototype: Elements, ofClass: Elements]>();

function findElements(script: ScriptSource, node: SyntaxNode): readonly [Elements, Elements] {
  const ofPrototype = new Map<string | typeof COMPUTED, Map<string, FoundFunction>>();
  const ofClass: typeof ofPrototype = new Map();
  const { source } = script.info;
  if (isClassNode(node)) {
    for (const element of node.body.body) {
      if (element.type !== "MethodDefinition") continue;
      const key = element.key.type === "PrivateIdentifier" ? COMPUTED : (staticKey(element, element.key) ?? COMPUTED);
      const elements = element.static ? ofClass : ofPrototype;
      const found = { node: element.value, outer: element, start: methodStart(source, element), end: endOf(element) };
      const ofKey = elements.get(key) ?? new Map<string, FoundFunction>();
      elements.set(key, ofKey.set(source.slice(found.start, found.end), found));
    }
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

/** A class, and what is known of it. */
export interface ClassOrigin {
  readonly fn: object;
  readonly script: ScriptSource;
  readonly found: FoundFunction;
}

/** The class of each method that was found to be made with it: where a function was made never changes. */
const classesOfMethods = new WeakMap<object, object>();

/** Whether a function of this text is the same wherever it stands: it uses nothing from around it. */
function isSelfContained({ free, obstacles, importMetaName }: FunctionShape): boolean {
  const isGlobal = ({ name, variable }: FreeVariable): boolean => variable === null && isStandardGlobal(name);
  return obstacles.length === 0 && importMetaName === undefined && free.every((each) => isGlobal(each));
}

/**
 * Variables that are others for each class where a function makes many: what these hold tells the one from the other.
 */
function variablesOfCall({ free }: FunctionShape): string[] {
  return free
    .filter(({ variable }) => variable !== null && variable.scope.block.type !== "Program")
    .map(({ name }) => name);
}

/** Whether a method whose text stands in the class was made when the class was, or might as well have been. */
function isMadeWith(
  { fn, script }: ClassOrigin,
  method: object,
  element: FoundFunction,
  inspector: FunctionInspector,
): boolean {
  if (classesOfMethods.get(method) === fn) return true;
  const shape = functionShape(script, element);
  if (isSelfContained(shape)) return true;
  const names = variablesOfCall(shape);
  // To look at its variables takes longer.
  const at = names.length === 0 ? inspector.locate(method) : inspector.inspect(method).location;
  const ofClass = inspector.inspect(fn);
  if (at === undefined || at.scriptId !== ofClass.location?.scriptId) return false;
  const text = script.info.source.slice(element.start, element.end);
  if (script.findFunction(text, at.line, at.column)?.outer !== element.outer) return false;
  const isSame = names.every((name) => {
    const [own, expected] = [lookUp(inspector.inspect(method).scopes, name), lookUp(ofClass.scopes, name)];
    return own.isFound === expected.isFound && Object.is(own.value, expected.value);
  });
  if (!isSame) return false;
  classesOfMethods.set(method, fn);
  return true;
}

/** Whether a method or accessor of a class, or of its prototype, is just what stands in its source. */
export function isWrittenInClass(
  origin: ClassOrigin,
  place: "prototype" | "class",
  key: string | symbol,
  descriptor: PropertyDescriptor,
  inspector: FunctionInspector,
): boolean {
  const { script, found } = origin;
  const known = elementsOfClasses.get(found.node) ?? findElements(script, found.node);
  elementsOfClasses.set(found.node, known);
  const elements = known[place === "class" ? 1 : 0];
  const ofKey = typeof key === "string" ? elements.get(key) : undefined;
  return functionsIn(descriptor).every((part) => {
    const text = Function.prototype.toString.call(part);
    const element = ofKey?.get(text) ?? (isNamedAfter(key, part) ? elements.get(COMPUTED)?.get(text) : undefined);
    return element !== undefined && isMadeWith(origin, part, element, inspector);
  });
}
