/**
 * Finds the export through which a worker can import a function (or, in CommonJS, any object), without importing here.
 */

import { createRequire } from "node:module";
import { isBuiltin } from "node:module";
import { fileURLToPath } from "node:url";
import { pathToFileURL } from "node:url";
import { types } from "node:util";

import type { ExportDefaultDeclaration } from "estree";

import { OWN_FOLDER } from "../../system/own-files.js";
import { declaredForGood } from "./changed-exports.js";
import { mayHaveChanged } from "./changed-exports.js";
import { dataProperty } from "./exported-value.js";
import { exportedValue } from "./exported-value.js";
import { isReference } from "./exported-value.js";
import type { CapturedScope } from "../look/function-inspector.js";
import type { ClosureInfo } from "../look/function-inspector.js";
import type { ExternalNode } from "../graph/format.js";
import { isMainFile } from "./main-module.js";
import { isMainModule } from "./main-module.js";
import type { FoundFunction } from "../look/script-source.js";
import type { ScriptInfo } from "../look/scripts.js";
import type { ScriptSource } from "../look/script-source.js";
import { specifierName } from "../look/syntax-tree.js";
import type { SyntaxNode } from "../look/syntax-tree.js";

interface LoadedModule {
  readonly filename: string;
  readonly exports: unknown;
}

/** The CommonJS modules that are loaded, by file: what every `require.cache` is. */
export const moduleCache: Readonly<Record<string, LoadedModule>> = (
  createRequire(import.meta.url) as unknown as { cache: Record<string, LoadedModule> }
).cache;

/**
 * Whether this process runs in Jest, whose `require` has a cache of its own. It has compiled what is not in a package,
 * which a worker would read as it was written; and there may be mocks. So that travels by value.
 */
const isInJest = types.isProxy(moduleCache);

function isCompiledByJest(filename: string): boolean {
  if (!isInJest || /[/\\]node_modules[/\\]|\.(?:json|node)$/.test(filename)) return false;
  // This package may be linked from elsewhere; a worker has it.
  return !pathToFileURL(filename).href.startsWith(OWN_FOLDER);
}

/** Whether an import leads to a module that Jest has compiled, by way of an alias perhaps. */
export function isCompiledImport(specifier: string, referrer: string): boolean {
  if (!isInJest || isBuiltin(specifier)) return false;
  try {
    return isCompiledByJest(createRequire(referrer).resolve(specifier));
  } catch {
    // For Jest to tell.
    return false;
  }
}

/** A way to a value: an export by its name in the module's own code, and the path from there. */
interface ExportPath {
  readonly name: string;
  readonly path: readonly string[];
}

/**
 * Where the values are that modules export: each export, one property below it, or a property of its prototype. Valid
 * for one look, during which nothing is assigned: to search all exports for each function takes a quarter of the look
 * at zod.
 */
export class ExportPaths {
  readonly #modules = new Map<object, ReadonlyMap<object, readonly ExportPath[]>>();

  /**
   * The ways to a value, in the order of the exports.
   *
   * @param module - Stands for the module.
   * @param exports - Gives its exports, when they are not known yet.
   */
  to(
    value: object,
    module: object,
    exports: () => Iterable<readonly [name: string, value: unknown]>,
  ): readonly ExportPath[] {
    let known = this.#modules.get(module);
    if (known === undefined) {
      known = collectPaths(exports());
      this.#modules.set(module, known);
    }
    return known.get(value) ?? [];
  }
}

function collectPaths(exports: Iterable<readonly [string, unknown]>): Map<object, ExportPath[]> {
  const paths = new Map<object, ExportPath[]>();
  for (const [name, exported] of exports) {
    const note = (value: unknown, path: readonly string[]): void => {
      if (!isReference(value)) return;
      const known = paths.get(value);
      if (known === undefined) paths.set(value, [{ name, path }]);
      // The first way through each export is the one that counts.
      else if (known.at(-1)?.name !== name) known.push({ name, path });
    };
    note(exported, []);
    noteMembers(exported, [], note);
    const prototype = typeof exported === "function" ? dataProperty(exported, "prototype") : undefined;
    noteMembers(prototype, ["prototype"], note);
  }
  return paths;
}

function noteMembers(
  owner: unknown,
  path: readonly string[],
  note: (value: unknown, path: readonly string[]) => void,
): void {
  if (!isReference(owner) || ArrayBuffer.isView(owner)) return;
  for (const key of Object.getOwnPropertyNames(owner)) {
    if (key !== "constructor") note(dataProperty(owner, key), [...path, key]);
  }
}

function addDefault(
  exported: Map<string | SyntaxNode, string>,
  declaration: ExportDefaultDeclaration["declaration"],
  script: ScriptSource,
): void {
  exported.set(declaration as SyntaxNode, "default");
  if ("id" in declaration && declaration.id != null && declaration.type.endsWith("Declaration")) {
    exported.set(declaration.id.name, "default");
  }
  if (declaration.type !== "Identifier") return;
  exported.set(declaration.name, "default");
  // By value, a class brings along the symbols that are keys of its instances.
  if (/\bSymbol\s*\(/.test(script.info.source)) return;
  // V8 lists the variable only where a function of the module uses it.
  const declared = declaredForGood(script, declaration.name);
  if (declared !== undefined) exported.set(declared, "default");
}

/** Local names and what each is exported as; a default export may have its syntax node as the key. */
function exportedBindings(script: ScriptSource): Map<string | SyntaxNode, string> {
  const exported = new Map<string | SyntaxNode, string>();
  const declare = (pattern: SyntaxNode): void => {
    if (pattern.type === "Identifier") exported.set(pattern.name, pattern.name);
    // Destructured exports are found by value like the rest; their names are the leaves of the pattern.
    else if (pattern.type === "ObjectPattern") {
      for (const each of pattern.properties) declare(each.type === "Property" ? each.value : each.argument);
    } else if (pattern.type === "ArrayPattern") {
      for (const each of pattern.elements) if (each !== null) declare(each);
    } else if (pattern.type === "AssignmentPattern") declare(pattern.left);
    else if (pattern.type === "RestElement") declare(pattern.argument);
  };
  for (const statement of script.program.body) {
    if (statement.type === "ExportDefaultDeclaration") {
      addDefault(exported, statement.declaration, script);
    } else if (statement.type === "ExportNamedDeclaration" && statement.source == null) {
      const { declaration } = statement;
      if (declaration?.type === "VariableDeclaration") for (const { id } of declaration.declarations) declare(id);
      else if (declaration != null) declare(declaration.id);
      for (const { local, exported: as } of statement.specifiers) {
        exported.set(specifierName(local), specifierName(as));
      }
    }
  }
  return exported;
}

const bindings = new WeakMap<ScriptSource, Map<string | SyntaxNode, string>>();

function importReference(
  fn: object,
  closure: ClosureInfo,
  script: ScriptSource,
  found: FoundFunction,
  paths: ExportPaths,
): ExternalNode | undefined {
  const exported = bindings.get(script) ?? exportedBindings(script);
  bindings.set(script, exported);
  const at = (path: string[]): ExternalNode => ({
    kind: "import",
    specifier: script.url,
    referrer: script.url,
    path,
  });
  const asDefault = exported.get(found.node);
  if (asDefault !== undefined) return at([asDefault]);
  const variables = closure.scopes.findLast(({ isModule }) => isModule)?.variables;
  if (variables === undefined) return undefined;
  for (const { name: local, path } of paths.to(fn, script, () => readExports(exported, variables))) {
    const name = exported.get(local);
    if (name !== undefined && !mayHaveChanged(script, local, path, found)) return at([name, ...path]);
  }
  return undefined;
}

function* readExports(
  exported: ReadonlyMap<string | SyntaxNode, string>,
  variables: Readonly<Record<string, unknown>>,
): Generator<readonly [string, unknown]> {
  for (const local of exported.keys()) {
    if (typeof local !== "string") continue;
    try {
      yield [local, variables[local]];
    } catch {
      // Not initialised yet.
    }
  }
}

function commonjsPath(
  module: LoadedModule,
  value: object,
  isUnchanged: (name: string, path: readonly string[]) => boolean,
  paths: ExportPaths,
): ExternalNode | undefined {
  if (!module.filename || isMainFile(module.filename)) return undefined;
  const { exports, filename } = module;
  if (exports === value) return { kind: "commonjs", filename, path: [] };
  if (!isReference(exports)) return undefined;
  for (const { name, path } of paths.to(value, module, () => readCommonjs(exports))) {
    if (isUnchanged(name, path)) return { kind: "commonjs", filename, path: [name, ...path] };
  }
  return undefined;
}

function* readCommonjs(exports: object): Generator<readonly [string, unknown]> {
  for (const key of Object.getOwnPropertyNames(exports)) yield [key, exportedValue(exports, key)];
}

/**
 * The file of every loaded CommonJS module, by what it exports; not the main one, which no worker may load. Made for
 * each look, and there may be thousands: nothing else is made for each.
 */
export function commonjsFiles(): ReadonlyMap<object, string> {
  const files = new Map<object, string>();
  for (const { exports, filename } of Object.values(moduleCache)) {
    // Of modules that export the same, the one that has required the other, and may have added to it: it is in the
    // cache before it.
    if (!isReference(exports) || !filename || files.has(exports)) continue;
    if (!isMainFile(filename) && !isCompiledByJest(filename)) files.set(exports, filename);
  }
  return files;
}

/** How a worker finds what a CommonJS file exports. */
export function commonjsNode(filename: string | undefined): ExternalNode | undefined {
  return filename === undefined ? undefined : { kind: "commonjs", filename, path: [] };
}

/** Whether this is what a module exports that Jest has compiled; namespaces of others are found by their import. */
export function isExportsInJest(value: object): boolean {
  if (!isInJest) return false;
  if (types.isModuleNamespaceObject(value)) return true;
  return Object.values(moduleCache).some(({ exports, filename }) => exports === value && isCompiledByJest(filename));
}

/** What a CommonJS file exports, if it has been loaded. */
export function loadedExports(filename: string): unknown {
  return Object.hasOwn(moduleCache, filename) ? moduleCache[filename]?.exports : undefined;
}

/** Of a module with more, only the parser tells which are exported: to look at all takes longer. */
const MANY_VARIABLES = 200;

/** Whether a function may be an export of its module, as far as values tell without a parser. */
export function mayBeExported(
  fn: object,
  scopes: readonly CapturedScope[],
  { isModule, source, url }: Pick<ScriptInfo, "isModule" | "source" | "url">,
): boolean {
  if (isMainModule(url)) return false;
  try {
    if (!isModule) {
      const exports = loadedExports(fileURLToPath(url));
      return exports === fn || (isReference(exports) && collectPaths(readCommonjs(exports)).has(fn));
    }
    const variables = scopes.findLast((each) => each.isModule)?.variables ?? {};
    // An anonymous default export is in no variable.
    if (Object.keys(variables).length > MANY_VARIABLES || /\bdefault\b/.test(source)) return true;
    return collectPaths(Object.entries(variables)).has(fn);
  } catch {
    // Something is not initialised yet.
    return true;
  }
}

/** The export by which a worker can import this function; undefined when it must travel by value. */
export function referenceTo(
  fn: object,
  closure: ClosureInfo,
  script: ScriptSource,
  found: FoundFunction,
  paths: ExportPaths,
): ExternalNode | undefined {
  if (script.factory !== undefined || isMainModule(script.url)) return undefined;
  // Scripts made with node:vm have no module behind their name.
  if (!/^(?!vm:|node:)[a-z][a-z\d+.-]+:/i.test(script.url)) return undefined;
  const file = script.url.startsWith("file:") ? fileURLToPath(script.url.replace(/[?#].*$/s, "")) : undefined;
  if (file !== undefined && isCompiledByJest(file)) return undefined;
  if (script.info.isModule) return importReference(fn, closure, script, found, paths);
  if (file === undefined) return undefined;
  const module = moduleCache[file];
  const isUnchanged = (name: string, path: readonly string[]): boolean => !mayHaveChanged(script, name, path, found);
  return module === undefined ? undefined : commonjsPath(module, fn, isUnchanged, paths);
}
