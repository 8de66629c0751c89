/**
 * Finds values that are members of an import: `const { xxh64 } = xxh3`, `this.hash = xxh3.xxh64`.
 *
 * The worker imports the same module and takes the same member, so it matters neither how the value was made nor
 * whether its code is JavaScript.
 */

import { types } from "node:util";

import type { Variable } from "eslint-scope";

import { importOf } from "./free-variables.js";
import type { ExternalNode } from "../graph/format.js";
import { isPlain } from "./initialiser.js";
import { requiredModuleOf } from "./initialiser.js";
import { isOfLanguage } from "../refer/known-values.js";
import { isStandardGlobal } from "../refer/known-values.js";
import { isReference } from "../refer/exported-value.js";
import type { ScriptSource } from "../look/script-source.js";
import { endOf } from "../look/syntax-tree.js";
import { startOf } from "../look/syntax-tree.js";
import type { SyntaxNode } from "../look/syntax-tree.js";

/** How many levels below an import are searched, and how many objects in all. */
const MAX_DEPTH = 4;
const MAX_OBJECTS = 10_000;

/** How many constants may stand between a variable and the import: `const a = lib.a; const { b } = a`. */
const MAX_ALIASES = 8;

/** Something that a worker can import. */
export interface ImportRoot {
  readonly node: ExternalNode;
  readonly value: unknown;
}

/** Reads a member without running a getter, save those that compilers and modules make of exports. */
function memberOf(owner: object, key: string): unknown {
  try {
    const descriptor = Object.getOwnPropertyDescriptor(owner, key);
    if (descriptor === undefined || Object.hasOwn(descriptor, "value")) return descriptor?.value as unknown;
    return Object.hasOwn(owner, "__esModule") ? Reflect.get(owner, key) : undefined;
  } catch {
    // Not initialised yet.
    return undefined;
  }
}

/** The path of own properties from an import to one of its members. */
function pathTo(root: unknown, wanted: object | symbol): readonly string[] | undefined {
  if (root === wanted) return [];
  if (!isReference(root) || types.isProxy(root)) return undefined;
  const seen = new Set<unknown>([root]);
  const queue: { owner: object; path: readonly string[] }[] = [{ owner: root, path: [] }];
  for (const { owner, path } of queue) {
    for (const key of Object.getOwnPropertyNames(owner)) {
      const member = memberOf(owner, key);
      if (member === wanted) return [...path, key];
      if (!isReference(member) || seen.has(member) || types.isProxy(member) || ArrayBuffer.isView(member)) continue;
      seen.add(member);
      const isSearched = path.length + 1 < MAX_DEPTH && queue.length < MAX_OBJECTS;
      if (isSearched) queue.push({ owner: member, path: [...path, key] });
    }
  }
  return undefined;
}

/** Where a worker finds a value that one of these imports has as a member. */
export function findMember(roots: Iterable<ImportRoot>, wanted: object | symbol): ExternalNode | undefined {
  for (const { node, value } of roots) {
    const path = "path" in node ? pathTo(value, wanted) : undefined;
    if (path !== undefined && "path" in node) return { ...node, path: [...node.path, ...path] };
  }
  return undefined;
}

/** The name that an expression of members begins with: that of `lib` in `(0, lib.a.b)`. */
function firstName(expression: SyntaxNode): (SyntaxNode & { type: "Identifier" }) | undefined {
  if (expression.type === "Identifier") return expression;
  if (expression.type === "MemberExpression") return firstName(expression.object);
  if (expression.type !== "SequenceExpression") return undefined;
  const last = expression.expressions.at(-1);
  return last && firstName(last);
}

/** The import of which a constant was declared to be a member. */
function rootOf(
  variable: Variable,
  script: ScriptSource,
  read: (name: string) => unknown,
  externalOf: (module: object) => ExternalNode | undefined,
): ImportRoot | undefined {
  let each = variable;
  for (let aliases = 0; aliases < MAX_ALIASES; aliases++) {
    const node = importOf(script, each);
    if (node !== undefined) return { node, value: read(each.name) };
    const [definition, another] = each.defs;
    if (definition?.type !== "Variable" || another !== undefined || definition.node.init == null) return undefined;
    const { init } = definition.node;
    const module = requiredModuleOf(script, init);
    if (isReference(module)) {
      const external = externalOf(module);
      return external && { node: external, value: module };
    }
    const name = firstName(init);
    if (name === undefined) return undefined;
    const [use] = script.referencesIn(startOf(name), endOf(name));
    if (use?.resolved == null) {
      if (!isStandardGlobal(name.name)) return undefined;
      return { node: { kind: "global", path: [name.name] }, value: Reflect.get(globalThis, name.name) };
    }
    each = use.resolved;
  }
  return undefined;
}

const GLOBAL_OBJECTS: ReadonlySet<unknown> = new Set(["globalThis", "global"]);

/** Whether a worker has such a global by itself: `globalThis.registry` and `Math.own` are the program's. */
function isEverywhere(path: readonly string[]): boolean {
  const [name = "", ...members] = path;
  if (GLOBAL_OBJECTS.has(name) && members.length > 0) return isEverywhere(members);
  return isStandardGlobal(name) && (!isOfLanguage([name]) || isOfLanguage(path));
}

/**
 * Where a worker finds the value of a constant that was declared as a member of an import. A plain object or
 * collection is the program's own, as it may have been filled since: it is copied.
 */
export function declaredMember(
  variable: Variable | null,
  value: object | symbol,
  script: ScriptSource,
  read: (name: string) => unknown,
  externalOf: (module: object) => ExternalNode | undefined,
): ExternalNode | undefined {
  if (variable?.defs[0]?.type !== "Variable" || (typeof value === "object" && isPlain(value))) return undefined;
  const root = rootOf(variable, script, read, externalOf);
  const found = root && findMember([root], value);
  return found?.kind === "global" && !isEverywhere(found.path) ? undefined : found;
}
