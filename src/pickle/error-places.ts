/**
 * Says where the classes of errors were written, and by which exports they are found: what a worker sends of them.
 *
 * Apart from the search for such classes, so that a worker loads as little as can be.
 */

import { types } from "node:util";

import { FACTORY_VARIABLE } from "./look/factory-registry.js";
import type { Factory } from "./look/factory-registry.js";
import { FunctionInspector } from "./look/function-inspector.js";
import { isInspectorForbidden } from "./look/function-inspector.js";
import type { ClosureInfo } from "./look/function-inspector.js";
import { isFactory } from "./look/factory-registry.js";
import { exportedValue } from "./refer/exported-value.js";
import { isReference } from "./refer/exported-value.js";
import { modulesOfFunctions } from "./refer/import-value.js";

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

/**
 * Where a function or class was written, as every process sees it; undefined when it came from text without a name.
 */
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

/** Of classes of errors that were thrown: where they and those above them were written. */
const places = new WeakMap<object, readonly (string | undefined)[]>();

/** Whether a class has one of these private names in its text. */
function hasOneOf(names: readonly string[], errorClass: object): boolean {
  const text = Function.prototype.toString.call(errorClass);
  return names.some((name) => text.split(name).some((rest, index) => index > 0 && !/^[\w$]/.test(rest)));
}

/**
 * Where the classes of an error were written, the error's own first.
 *
 * @returns Nothing for classes with private fields, and those below: they would be missing in an error that is put
 * together again.
 */
export function placesOfClasses(errorClasses: readonly object[], instance: object): readonly (string | undefined)[] {
  const [own] = errorClasses;
  if (own === undefined) return [];
  const known = places.get(own);
  if (known !== undefined) return known;
  if (isInspectorForbidden()) return [];
  const inspector = new FunctionInspector();
  try {
    const names = inspector.privateNames(instance);
    const firstWhole = errorClasses.findLastIndex((each) => hasOneOf(names, each)) + 1;
    const found = errorClasses.map((each, index) =>
      index < firstWhole ? undefined : placeOfFunction(inspector, inspector.inspect(each)),
    );
    places.set(own, found);
    return found;
  } finally {
    inspector[Symbol.dispose]();
  }
}

/** Of classes of errors that were thrown: the way to each from an export, and how many modules were looked at. */
const exportPaths = new WeakMap<object, { readonly path: readonly string[] | undefined; readonly count: number }>();

/** The way to a class from the exports of a module: an export, or a member of one. */
function pathFrom(exports: object, errorClass: object): readonly string[] | undefined {
  const values = Object.keys(exports).map((name) => [name, exportedValue(exports, name)] as const);
  const own = values.find(([, value]) => value === errorClass);
  if (own !== undefined) return [own[0]];
  for (const [name, value] of values) {
    if (!isReference(value) || types.isProxy(value) || ArrayBuffer.isView(value)) continue;
    const member = Object.keys(value).find((key) => exportedValue(value, key) === errorClass);
    if (member !== undefined) return [name, member];
  }
  return undefined;
}

/**
 * The way to a class from the exports of the module of a task: what tells it to a program that has the module in
 * another file.
 */
export function exportPathOf(errorClass: object): readonly string[] | undefined {
  const modules = modulesOfFunctions();
  const known = exportPaths.get(errorClass);
  if (known !== undefined && (known.path !== undefined || known.count === modules.length)) return known.path;
  let path: readonly string[] | undefined;
  for (const exports of modules) path ??= pathFrom(exports, errorClass);
  exportPaths.set(errorClass, { path, count: modules.length });
  return path;
}
