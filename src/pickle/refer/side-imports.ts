/**
 * Imports that a worker has to run before it builds the first function of a module:
 *
 * - those that the module makes for their effects only: `import "reflect-metadata"`, `require("dotenv/config");`
 * - those of a package that the pickle links into by an inner file, where a captured object has its class: the package
 *   is set up by the file that the module imports.
 *
 * Only packages: a relative file may be the program itself, or start a server.
 */

import { createRequire } from "node:module";
import { isBuiltin } from "node:module";
import { types } from "node:util";

import type { GraphNode } from "../graph/format.js";
import type { PickleGraph } from "../graph/format.js";
import type { SideImport } from "../graph/format.js";
import { importValue } from "./import-value.js";
import { referrerOf } from "./import-value.js";
import { processWide } from "../look/process-wide.js";
import type { FactoryMember } from "../look/factory-registry.js";
import type { FoundFunction } from "../look/script-source.js";
import type { ScriptInfo } from "../look/scripts.js";
import type { ScriptSource } from "../look/script-source.js";
import { endOf } from "../look/syntax-tree.js";
import { startOf } from "../look/syntax-tree.js";
import type { SyntaxNode } from "../look/syntax-tree.js";

const NO_PACKAGE = /^(?:[./#\\]|[a-z][a-z\d+.-]*:)/i;

function isPackage(specifier: unknown): specifier is string {
  return typeof specifier === "string" && !NO_PACKAGE.test(specifier) && !isBuiltin(specifier);
}

const IMPORT = /\bimport\s*(["'])(.*?)\1/g;
const REQUIRE = /(\}\s*=\s*)?\brequire\s*\(\s*(["'])(.*?)\2\s*\)(\s*[.([])?/g;
const WITH_COMMENT = /\b(?:import\s*|require\s*(?:\(\s*)?)\//;

/** Whether a script may import something for its effects, as far as its text tells without a parser. */
export function mayHaveSideImports({ isModule, source }: Pick<ScriptInfo, "isModule" | "source">): boolean {
  if (WITH_COMMENT.test(source)) return true;
  if (isModule) return Array.from(source.matchAll(IMPORT)).some(([, , specifier]) => isPackage(specifier));
  // Of what is required, something is used where it is taken apart at once.
  return Array.from(source.matchAll(REQUIRE)).some(([, pattern, , specifier, member]) => {
    return pattern === undefined && member === undefined && isPackage(specifier);
  });
}

/** What `require("x")` requires. */
function requiredName(expression: SyntaxNode | null | undefined): unknown {
  if (expression?.type !== "CallExpression" || expression.callee.type !== "Identifier") return undefined;
  const [argument] = expression.arguments;
  return expression.callee.name === "require" && argument?.type === "Literal" ? argument.value : undefined;
}

/** The statements of a script, and those of functions that are called where they stand: tsx puts a module into one. */
export function statementsOf({ program }: ScriptSource): readonly SyntaxNode[] {
  return (program.body as SyntaxNode[]).flatMap((statement) => {
    const call = statement.type === "ExpressionStatement" ? statement.expression : undefined;
    if (call?.type !== "CallExpression") return [statement];
    const { callee } = call;
    const isFunction = callee.type === "ArrowFunctionExpression" || callee.type === "FunctionExpression";
    return isFunction && callee.body.type === "BlockStatement" ? callee.body.body : [statement];
  });
}

/**
 * The specifiers of a statement that imports for effects; compilers to CommonJS write a variable that nothing reads.
 */
function specifiersIn(statement: SyntaxNode, script: ScriptSource): unknown[] {
  if (statement.type === "ImportDeclaration") return statement.specifiers.length > 0 ? [] : [statement.source.value];
  if (statement.type === "ExpressionStatement") return [requiredName(statement.expression)];
  if (statement.type !== "VariableDeclaration") return [];
  return statement.declarations.flatMap(({ id, init }) => {
    const required = requiredName(init);
    // Whether something reads it is asked last: that takes a look at every name in the script.
    const isUnread = (name: string): boolean =>
      !script.references.some((use) => use.identifier.name === name && use.isRead());
    return required !== undefined && id.type === "Identifier" && isUnread(id.name) ? [required] : [];
  });
}

/** The specifiers of a statement that imports something to use it, functions inside it left out. */
function usedIn(statement: SyntaxNode, script: ScriptSource): unknown[] {
  // Data sets nothing up, and needs its attributes.
  if (statement.type === "ImportDeclaration") return statement.attributes?.length ? [] : [statement.source.value];
  return script.referencesIn(startOf(statement), endOf(statement)).flatMap(({ identifier }) => {
    if (identifier.name !== "require") return [];
    const call = script.parents.get(identifier);
    let around = call;
    while (around && around !== statement && !script.functionAt(around)) around = script.parents.get(around);
    return around === statement ? [requiredName(call)] : [];
  });
}

/** The package of a specifier, or of the rest of a path. */
function packageOf(specifier: string): string | undefined {
  return /^(?:@[^/\\]+[/\\])?[^/\\]+/.exec(specifier)?.[0].replace("\\", "/");
}

const FOLDER = /^.*[/\\]node_modules[/\\]/s;

/** The package that a link leads into by a file of it. */
function packageLinkedBy(node: GraphNode): string | undefined {
  if (node.kind === "interop") return packageLinkedBy(node.module);
  const isOfFile = node.kind === "import" && /^(?:[.#]|file:)/.test(node.specifier);
  const file = isOfFile ? node.referrer : node.kind === "commonjs" ? node.filename : "";
  return FOLDER.test(file) ? packageOf(file.replace(FOLDER, "")) : undefined;
}

/** Of what modules import, that which a worker has to run for a pickle of these nodes. */
export function wantedImports(all: Iterable<SideImport>, nodes: readonly GraphNode[]): SideImport[] {
  const packages = new Set(nodes.map(packageLinkedBy));
  return [...all].filter((each) => each.ofPackage === undefined || packages.has(each.ofPackage));
}

const found = new WeakMap<ScriptSource, readonly SideImport[]>();

/** What this process has run for others: a function that is sent on brings it along. */
const known = processWide("sideImports", () => new Map<string, { readonly list: SideImport[] }>());

/** The same of a function that a worker has made. */
function importsOfMember({ origin: { url }, externals }: FactoryMember): readonly SideImport[] {
  const used = Array.from(externals.values(), (node): SideImport | undefined => {
    const specifier = node.kind === "import" ? node.specifier : node.kind === "commonjs" ? node.filename : "";
    const isRequired = node.kind === "commonjs";
    const ofPackage = isRequired ? packageLinkedBy(node) : isPackage(specifier) ? packageOf(specifier) : undefined;
    return ofPackage === undefined ? undefined : { url, specifier, isRequired, ofPackage };
  });
  return [...(known.get(url)?.list ?? []), ...used.filter((each) => each !== undefined)];
}

/** What the module that a function is from imports, as far as a worker may have to run it. */
export function sideImportsOf(script: ScriptSource, fn: FoundFunction): readonly SideImport[] {
  if (script.factory !== undefined) {
    const member = script.factory.members.find(({ start, end }) => start <= fn.start && fn.end <= end);
    return member === undefined ? [] : importsOfMember(member);
  }
  const before = found.get(script);
  if (before !== undefined) return before;
  const { url } = script;
  const list: SideImport[] = [];
  for (const statement of statementsOf(script)) {
    const isRequired = statement.type !== "ImportDeclaration";
    const effects = specifiersIn(statement, script);
    for (const specifier of effects) if (isPackage(specifier)) list.push({ url, specifier, isRequired });
    for (const specifier of usedIn(statement, script)) {
      if (!isPackage(specifier) || effects.includes(specifier)) continue;
      list.push({ url, specifier, isRequired, ofPackage: packageOf(specifier) });
    }
  }
  found.set(script, list);
  return list;
}

const outcomes = processWide("sideImportOutcomes", () => new Map<string, Promise<{ readonly error?: unknown }>>());

async function runOnce({ url, specifier, isRequired }: SideImport): Promise<{ readonly error?: unknown }> {
  const referrer = referrerOf(url);
  try {
    if (isRequired) createRequire(referrer)(specifier);
    else await importValue({ kind: "import", specifier, referrer, path: [] });
    return {};
  } catch (error) {
    return { error };
  }
}

/** Runs the imports that a pickle needs, each once in a process, and gives what failed. */
export async function runSideImports({ sideImports = [] }: PickleGraph): Promise<readonly unknown[]> {
  const errors: unknown[] = [];
  for (const each of sideImports) {
    const key = JSON.stringify(each);
    let outcome = outcomes.get(key);
    if (outcome === undefined) {
      const ofModule = known.get(each.url) ?? { list: [] };
      known.set(each.url, ofModule);
      ofModule.list.push(each);
      outcome = runOnce(each);
      outcomes.set(key, outcome);
    }
    const done = await outcome;
    if ("error" in done) errors.push(done.error);
  }
  return errors;
}

const failures = processWide("failedSideImports", () => new WeakMap<object, readonly unknown[]>());

/** Remembers what failed on the way to a function. */
export function rememberFailedImports(fn: object, errors: readonly unknown[]): void {
  if (errors.length > 0) failures.set(fn, errors);
}

/** Makes an import that failed the cause of an error that has none. */
export function giveCause(error: unknown, errors: readonly unknown[]): unknown {
  if (errors.length === 0 || !types.isNativeError(error) || "cause" in error) return error;
  const [first, another] = errors;
  const several = "Imports that the function's module makes have failed in the worker.";
  const value = another === undefined ? first : new AggregateError(errors, several);
  // What can't be told must not take the place of the error.
  Reflect.defineProperty(error, "cause", { value, writable: true, configurable: true });
  return error;
}

/** The error of a task, with what failed on the way to its function as its cause. */
export function withFailedImports(error: unknown, fn: object | undefined): unknown {
  return giveCause(error, (fn && failures.get(fn)) ?? []);
}
