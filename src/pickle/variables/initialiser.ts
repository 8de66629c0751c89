/**
 * Variables that hold what a module gave: `const x = require("x")`, and what compilers make of an import.
 *
 * Such a value is better loaded again in the worker than copied: it may be a whole module, or something that a
 * module has made of its own state.
 */

import process from "node:process";
import { createRequire } from "node:module";
import { isBuiltin } from "node:module";
import { types } from "node:util";

import type { Variable } from "eslint-scope";
import type { VariableDeclarator } from "estree";

import type { ExternalNode } from "../graph/format.js";
import { loadedExports } from "../refer/find-export.js";
import type { ScriptSource } from "../look/script-source.js";
import { walk } from "../look/syntax-tree.js";
import type { SyntaxNode } from "../look/syntax-tree.js";

/** `require("x")`, `import("x")`, `await import("x")`. */
function isModuleRequest(expression: SyntaxNode): boolean {
  if (expression.type === "AwaitExpression") return isModuleRequest(expression.argument);
  if (expression.type === "ImportExpression") return expression.source.type === "Literal";
  if (expression.type !== "CallExpression" || expression.callee.type !== "Identifier") return false;
  const [argument] = expression.arguments;
  return expression.callee.name === "require" && argument?.type === "Literal" && typeof argument.value === "string";
}

/** What compilers call the helpers that make of a CommonJS module what an import gives. */
const INTEROP_HELPER = /^_*(?:interop|to(?:ESM|CommonJS)|import[SD])/;

function isInteropHelper(callee: SyntaxNode): boolean {
  // `(0, helper)(...)`, `tslib.helper(...)`.
  if (callee.type === "SequenceExpression") return callee.expressions.some(isInteropHelper);
  if (callee.type === "MemberExpression") return isInteropHelper(callee.property);
  return callee.type === "Identifier" && INTEROP_HELPER.test(callee.name);
}

const PLAIN_PROTOTYPES: ReadonlySet<unknown> = new Set([
  null,
  Object.prototype,
  Array.prototype,
  Map.prototype,
  Set.prototype,
]);

/** Whether a value is a mere collection, which anybody may have made, and which can be copied. */
export function isPlain(value: object): boolean {
  return !types.isProxy(value) && PLAIN_PROTOTYPES.has(Object.getPrototypeOf(value));
}

/**
 * Whether a value comes straight out of a module: `require("x")`, `require("x").y`, `require("x")(options)`,
 * `__importStar(require("x"))`, `promisify(require("x"))`. An object that merely holds such a value is the program's
 * own, and is copied.
 */
function comesFromModule(expression: SyntaxNode): boolean {
  if (isModuleRequest(expression)) return true;
  if (expression.type === "AwaitExpression") return comesFromModule(expression.argument);
  if (expression.type === "MemberExpression") return comesFromModule(expression.object);
  if (expression.type !== "CallExpression" && expression.type !== "NewExpression") return false;
  return comesFromModule(expression.callee) || expression.arguments.some(isModuleRequest);
}

/**
 * Whether a value, if it comes from a module, is better made again than copied. What somebody made with a module, such
 * as `Object.assign({}, require("x"))`, is the program's own.
 */
export function isToBeEvaluated({ init }: VariableDeclarator, value: object): boolean {
  if (init?.type !== "CallExpression" && init?.type !== "NewExpression") return true;
  if (isModuleRequest(init) || comesFromModule(init.callee)) return true;
  return !isPlain(value) || isInteropHelper(init.callee);
}

/** The declaration of a variable that is set once, from a module: `const { a } = require("x")`. */
export function moduleDeclarator(variable: Variable | null): VariableDeclarator | undefined {
  const [definition, another] = variable?.defs ?? [];
  if (definition?.type !== "Variable" || another !== undefined) return undefined;
  const declarator = definition.node;
  return declarator.init != null && comesFromModule(declarator.init) ? declarator : undefined;
}

/** The names of the modules that an expression requires. */
function requiredNames(expression: SyntaxNode): string[] {
  const names: string[] = [];
  walk(expression, (node) => {
    if (node.type === "CallExpression" && node.callee.type === "Identifier" && node.callee.name === "require") {
      const [argument] = node.arguments;
      if (argument?.type === "Literal" && typeof argument.value === "string") names.push(argument.value);
    }
    return true;
  });
  return names;
}

function requiredModule(script: ScriptSource, name: string): unknown {
  if (isBuiltin(name)) return process.getBuiltinModule(name);
  if (!script.url.startsWith("file:")) return undefined;
  try {
    return loadedExports(createRequire(script.url.replace(/[?#].*$/s, "")).resolve(name));
  } catch {
    return undefined;
  }
}

/** The module that an expression requires, and nothing else of its kind: `require("x").y`, `__toESM(require("x"))`. */
export function requiredModuleOf(script: ScriptSource, expression: SyntaxNode): unknown {
  if (!comesFromModule(expression)) return undefined;
  const [name, another] = requiredNames(expression);
  return name === undefined || another !== undefined ? undefined : requiredModule(script, name);
}

/** Reads without caring for getters: interop objects are made of them. */
function read(object: object, key: string): unknown {
  return (object as Record<string, unknown>)[key];
}

/** Whether an object is what `__toESM` and the like make of a module: getters for its exports, and maybe a default. */
export function isInteropObject(value: object): boolean {
  if (typeof value === "function" || types.isProxy(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== Function.prototype) return false;
  let getterCount = 0;
  for (const key in value) {
    if (!Object.hasOwn(value, key)) continue;
    const isGetter = Object.getOwnPropertyDescriptor(value, key)?.get !== undefined;
    if (!isGetter && key !== "default") return false;
    if (isGetter) getterCount += 1;
  }
  return getterCount > 0;
}

function isInteropOf(value: object, module: object): boolean {
  const keys = Object.keys(value);
  return (
    keys.length > 0 &&
    keys.every(
      (key) =>
        (key === "default" && read(value, key) === module) ||
        (key in module && read(value, key) === read(module, key)),
    )
  );
}

/**
 * Recognises what `__importStar`, `__importDefault` and `__toESM` make of a module.
 *
 * @param externalOf - how the worker finds the module itself.
 */
export function interopNode(
  script: ScriptSource,
  declarator: VariableDeclarator,
  value: object,
  externalOf: (module: object) => ExternalNode | undefined,
): ExternalNode | undefined {
  if (typeof value === "function" || types.isProxy(value) || declarator.init == null) return undefined;
  const module = requiredModuleOf(script, declarator.init);
  if ((typeof module !== "object" && typeof module !== "function") || module === null) return undefined;
  const node = externalOf(module);
  if (node === undefined || !isInteropOf(value, module)) return undefined;
  const keys = Object.keys(value);
  return {
    kind: "interop",
    module: node,
    keys,
    isDefaultTheModule: Object.hasOwn(value, "default") && read(value, "default") === module,
  };
}
