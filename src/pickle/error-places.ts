/**
 * Says where the classes of errors were written: what a worker sends of them.
 *
 * Apart from the search for such classes, so that a worker loads as little as can be.
 */

import { FACTORY_VARIABLE } from "./factory-registry.js";
import type { Factory } from "./factory-registry.js";
import { FunctionInspector } from "./function-inspector.js";
import { isInspectorForbidden } from "./function-inspector.js";
import type { ClosureInfo } from "./function-inspector.js";
import { isFactory } from "./factory-registry.js";

/** Where something in code that was compiled by unpickling stood in the file that it is from. */
function placeInFactory({ script, members }: Factory, line: number, column: number): string | undefined {
  const lines = script.source.split("\n");
  const index = line - script.startLine;
  let offset = index === 0 ? column - script.startColumn : column;
  for (const each of lines.slice(0, index)) offset += each.length + 1;
  const member = members.find(({ start, end }) => start <= offset && offset < end);
  if (member === undefined) return undefined;
  const { origin } = member;
  const before = script.source.slice(member.start, offset).split("\n");
  const last = before.at(-1) ?? "";
  const isOnFirstLine = before.length === 1;
  return `${origin.url}:${origin.line + before.length - 1}:${last.length + (isOnFirstLine ? origin.column : 0)}`;
}

/** Where a function or class was written, as every process sees it; undefined when it came from text without a name. */
export function placeOfFunction(inspector: FunctionInspector, { location, scopes }: ClosureInfo): string | undefined {
  if (location === undefined) return undefined;
  const { scriptId, line, column } = location;
  const factory = scopes.map(({ variables }) => variables[FACTORY_VARIABLE]).find(isFactory);
  if (factory !== undefined) return placeInFactory(factory, line, column);
  const url = inspector.scriptUrl(scriptId);
  // Nameless scripts of `eval` and the like may have the same positions in every process and not be the same.
  if (url === "" || url.startsWith("node:")) return undefined;
  return `${url}:${line}:${column}`;
}

/** Of classes that were looked up. */
const places = new WeakMap<object, string | undefined>();
const hasPrivateNames = new WeakMap<object, boolean>();

/**
 * Where the classes of an error were written, the error's own first.
 *
 * @returns Nothing for an error with private fields: they would be missing in one that is put together again.
 */
export function placesOfClasses(errorClasses: readonly object[], instance: object): (string | undefined)[] {
  const [own] = errorClasses;
  if (own === undefined) return [];
  let hasPrivate = hasPrivateNames.get(own);
  const isKnown = hasPrivate === true || (hasPrivate === false && errorClasses.every((each) => places.has(each)));
  if (!isKnown) {
    if (isInspectorForbidden()) return [];
    const inspector = new FunctionInspector();
    try {
      hasPrivate = inspector.privateNames(instance).length > 0;
      hasPrivateNames.set(own, hasPrivate);
      for (const each of errorClasses) places.set(each, placeOfFunction(inspector, inspector.inspect(each)));
    } finally {
      inspector[Symbol.dispose]();
    }
  }
  return hasPrivate === true ? [] : errorClasses.map((each) => places.get(each));
}
