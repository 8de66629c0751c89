/**
 * Tells whether the computed keys of a class give the same in the worker, where they are evaluated again.
 *
 *     class { [key]() {} }     with the value that `key` has by now; V8 doesn't tell the one that it had
 *
 * So they are worked out here, without running anything of the program, and compared with the keys that the class has.
 */

import { types } from "node:util";

import type { MethodDefinition } from "estree";
import type { PropertyDefinition } from "estree";

import type { FreeVariable } from "../variables/free-variables.js";
import { functionsIn } from "../look/function-properties.js";
import type { CapturedScope } from "../look/function-inspector.js";
import type { Primitive } from "../graph/format.js";
import { isStandardGlobal } from "../refer/known-values.js";
import { methodStart } from "../look/script-source.js";
import type { FoundFunction } from "../look/script-source.js";
import type { ScriptSource } from "../look/script-source.js";
import type { GraphWriter } from "./graph-writer.js";
import type { Place } from "./graph-writer.js";
import { endOf } from "../look/syntax-tree.js";
import { sourcePosition } from "./source-position.js";
import { startOf } from "../look/syntax-tree.js";
import { isClassNode } from "../look/syntax-tree.js";
import type { SyntaxNode } from "../look/syntax-tree.js";
import { walk } from "../look/syntax-tree.js";
import { lookUp } from "../look/look-up.js";

const UNSTEADY_KEY =
  "the computed key is evaluated again in the worker, where it may be another one than the class has";
const UNSTEADY_KEY_ADVICE = "Put the key into a constant before the class, or make the class inside the task";

/** Expressions that may give something else the second time, or change something. */
const UNSTEADY: ReadonlySet<string> = new Set([
  "AssignmentExpression",
  "AwaitExpression",
  "CallExpression",
  "ImportExpression",
  "NewExpression",
  "TaggedTemplateExpression",
  "UpdateExpression",
  "YieldExpression",
]);

/** What an expression gives; undefined where that can't be told without running it. */
type Worked = { readonly value: unknown } | undefined;

function isPrimitive(value: unknown): value is Primitive {
  return value === null || (typeof value !== "object" && typeof value !== "function");
}

function toKey(value: unknown): string | symbol | undefined {
  if (typeof value === "symbol") return value;
  return isPrimitive(value) ? String(value) : undefined;
}

function propertyOf({ value: object }: { value: unknown }, key: unknown): Worked {
  if ((typeof object !== "object" && typeof object !== "function") || object === null) return undefined;
  const name = toKey(key);
  if (name === undefined || types.isProxy(object)) return undefined;
  try {
    const descriptor = Object.getOwnPropertyDescriptor(object, name);
    return descriptor !== undefined && "value" in descriptor ? { value: descriptor.value } : undefined;
  } catch {
    // An export that is not initialised yet.
    return undefined;
  }
}

/** Helpers of compilers that make a key of a value. */
const KEY_HELPERS: ReadonlySet<string> = new Set(["__propKey"]);

class KeyReader {
  readonly #scopes: readonly CapturedScope[];
  readonly #free: readonly FreeVariable[];

  constructor(scopes: readonly CapturedScope[], free: readonly FreeVariable[]) {
    this.#scopes = scopes;
    this.#free = free;
  }

  read(node: SyntaxNode): Worked {
    if (node.type === "Literal") return { value: node.value };
    if (node.type === "Identifier") return this.#readName(node.name);
    if (node.type === "TemplateLiteral") return this.#readTemplate(node);
    if (node.type === "CallExpression") return this.#readCall(node);
    if (node.type === "MemberExpression") {
      const object = this.read(node.object);
      const named = node.property.type === "Identifier" ? { value: node.property.name } : undefined;
      const key = node.computed ? this.read(node.property) : named;
      return object && key && propertyOf(object, key.value);
    }
    if (node.type === "SequenceExpression") {
      return node.expressions.map((each) => this.read(each)).reduce((previous, each) => previous && each);
    }
    // Compilers keep a key in a variable of their own.
    const isKept = node.type === "AssignmentExpression" && node.operator === "=" && node.left.type === "Identifier";
    return isKept ? this.read(node.right) : undefined;
  }

  #readName(name: string): Worked {
    const { isFound, isUninitialised, value } = lookUp(this.#scopes, name);
    if (isFound) return isUninitialised ? undefined : { value };
    // V8 doesn't keep every variable; one that it hasn't kept is refused by itself.
    const isDeclared = this.#free.some((each) => each.name === name && each.variable !== null);
    return isDeclared || !isStandardGlobal(name) ? undefined : propertyOf({ value: globalThis }, name);
  }

  #readTemplate({ quasis, expressions }: SyntaxNode & { type: "TemplateLiteral" }): Worked {
    let text = quasis[0]?.value.cooked ?? "";
    for (const [index, expression] of expressions.entries()) {
      const part = this.read(expression);
      const shown = part && toKey(part.value);
      if (typeof shown !== "string") return undefined;
      text += shown + (quasis[index + 1]?.value.cooked ?? "");
    }
    return { value: text };
  }

  #readCall({ callee, arguments: [argument], ...call }: SyntaxNode & { type: "CallExpression" }): Worked {
    const key = argument && argument.type !== "SpreadElement" ? this.read(argument) : undefined;
    if (key === undefined || call.optional) return undefined;
    if (callee.type === "Identifier" && KEY_HELPERS.has(callee.name)) return key;
    if (callee.type === "Super" || this.read(callee)?.value !== Symbol.for) return undefined;
    return typeof key.value === "string" ? { value: Symbol.for(key.value) } : undefined;
  }
}

function isAssignedElsewhere(key: SyntaxNode, free: readonly FreeVariable[]): boolean {
  let isAssigned = false;
  walk(key, (node, parent) => {
    if (node.type !== "Identifier") return true;
    const isTarget = parent?.type === "AssignmentExpression" && parent.left === node;
    const isName = parent?.type === "MemberExpression" && parent.property === node && !parent.computed;
    const variable = free.find(({ name }) => name === node.name);
    if (!isTarget && !isName && variable?.variable && variable.isReassigned) isAssigned = true;
    return true;
  });
  return isAssigned;
}

function hasUnsteadyPart(key: SyntaxNode): boolean {
  let isUnsteady = false;
  walk(key, (node) => {
    isUnsteady ||= UNSTEADY.has(node.type);
    return !isUnsteady;
  });
  return isUnsteady;
}

/** Under which keys a class has a method or accessor of this text. */
function keysOfMethod(owner: object, text: string): (string | symbol)[] {
  return Reflect.ownKeys(owner).filter((key) => {
    const parts = functionsIn(Object.getOwnPropertyDescriptor(owner, key) ?? {});
    return parts.some((part) => Function.prototype.toString.call(part) === text);
  });
}

/** Finds the computed keys of a class that may be others in the worker. */
function unsteadyKeys(
  fn: { readonly prototype: object },
  { script, found }: { readonly script: ScriptSource; readonly found: FoundFunction },
  free: readonly FreeVariable[],
  scopes: readonly CapturedScope[],
): SyntaxNode[] {
  const { node } = found;
  if (!isClassNode(node)) return [];
  const reader = new KeyReader(scopes, free);
  const isSteady = (element: MethodDefinition | PropertyDefinition): boolean => {
    const worked = reader.read(element.key);
    const key = worked && toKey(worked.value);
    if (key === undefined) return !hasUnsteadyPart(element.key);
    const owner = element.static ? fn : fn.prototype;
    if (element.type === "MethodDefinition") {
      const text = script.info.source.slice(methodStart(script.info.source, element), endOf(element));
      const keys = keysOfMethod(owner, text);
      // It may have been replaced.
      return keys.length === 0 || keys.includes(key);
    }
    return (element.static && Object.hasOwn(fn, key)) || !isAssignedElsewhere(element.key, free);
  };
  return node.body.body.flatMap((element) => {
    return element.type === "StaticBlock" || !element.computed || isSteady(element) ? [] : [element.key];
  });
}

/** Refuses what a class has under keys that may be others in the worker. */
export function refuseUnsteadyKeys(
  writer: GraphWriter,
  fn: { readonly prototype: object },
  origin: { readonly script: ScriptSource; readonly found: FoundFunction },
  free: readonly FreeVariable[],
  scopes: readonly CapturedScope[],
  place: Place,
): void {
  const { script } = origin;
  for (const key of unsteadyKeys(fn, origin, free, scopes)) {
    const position = sourcePosition(script, startOf(key));
    const step = `.[${script.info.source.slice(startOf(key), endOf(key))}]`;
    writer.refuse({ holder: { ...place, position }, step, position }, UNSTEADY_KEY, UNSTEADY_KEY_ADVICE);
  }
}
