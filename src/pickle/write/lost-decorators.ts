/**
 * Warns of classes that decorators have registered with a package (class-validator, TypeORM, reflect-metadata).
 *
 * The package that a worker imports knows nothing of that. To run the decorators again in the worker would wrap
 * methods twice, and would import whole frameworks for classes that need nothing of them: so there is a warning, and
 * only where the task uses the same package.
 */

import process from "node:process";

import type { GraphNode } from "../graph/format.js";
import { functionShape } from "../variables/function-shape.js";
import { importOf } from "../variables/free-variables.js";
import { moduleDeclarator } from "../variables/initialiser.js";
import { statementsOf } from "../refer/side-imports.js";
import type { ScriptSource } from "../look/script-source.js";
import { endOf } from "../look/syntax-tree.js";
import { startOf } from "../look/syntax-tree.js";
import type { SyntaxNode } from "../look/syntax-tree.js";
import type { SentFunction } from "./scopes.js";

/** What the compilers call their helper: `__decorate`, `_ts_decorate`, `__decorateClass`, `tslib_1.__decorate`. */
const HELPER = /^_*(?:ts_|legacy)?decorate/i;
/** Stands for decorators of the program's own, which can register a class by this package only. */
const METADATA = "reflect-metadata";

/** The identifier that an expression of members and calls begins with. */
function rootOf(expression: SyntaxNode | null | undefined): (SyntaxNode & { type: "Identifier" }) | undefined {
  if (expression?.type === "Identifier") return expression;
  if (expression?.type === "CallExpression") return rootOf(expression.callee);
  if (expression?.type === "MemberExpression") return rootOf(expression.object);
  return expression?.type === "SequenceExpression" ? rootOf(expression.expressions.at(-1)) : undefined;
}

function helperName(callee: SyntaxNode): string {
  if (callee.type === "SequenceExpression") return helperName(callee.expressions.at(-1) ?? callee);
  const name = callee.type === "MemberExpression" ? callee.property : callee;
  return name.type === "Identifier" ? name.name : "";
}

/** The package that a decorator is from. */
function packageOf(script: ScriptSource, decorator: SyntaxNode | null): string {
  const root = rootOf(decorator);
  const [use] = root === undefined ? [] : script.referencesIn(startOf(root), endOf(root));
  const variable = use?.resolved ?? null;
  const imported = variable === null ? undefined : importOf(script, variable);
  if (imported?.kind === "import") return imported.specifier;
  const init = moduleDeclarator(variable)?.init;
  const text = init == null ? "" : script.info.source.slice(startOf(init), endOf(init));
  return /require\(\s*["']([^"']+)["']/.exec(text)?.[1] ?? METADATA;
}

const found = new WeakMap<ScriptSource, ReadonlyMap<string, ReadonlySet<string>>>();

/** The packages whose decorators the classes of a script have, by the name of the class. */
function decoratedIn(script: ScriptSource): ReadonlyMap<string, ReadonlySet<string>> {
  const known = found.get(script);
  if (known !== undefined) return known;
  const classes = new Map<string, Set<string>>();
  for (const statement of statementsOf(script)) {
    if (statement.type !== "ExpressionStatement") continue;
    const { expression } = statement;
    const call = expression.type === "AssignmentExpression" ? expression.right : expression;
    if (call.type !== "CallExpression" || !HELPER.test(helperName(call.callee))) continue;
    const [decorators, target] = call.arguments;
    const name = rootOf(target)?.name;
    if (decorators?.type !== "ArrayExpression" || name === undefined) continue;
    const packages = classes.get(name) ?? new Set();
    classes.set(name, packages);
    for (const each of decorators.elements) packages.add(packageOf(script, each));
  }
  found.set(script, classes);
  return classes;
}

/** Whether a function asks for what decorators have noted: `Reflect.getMetadata`. */
function usesMetadata({ script, found: fn }: SentFunction): boolean {
  if (fn === undefined) return false;
  return functionShape(script, fn).free.some(({ name, members }) => {
    return name === "Reflect" && [...(members ?? [])].some((member) => /metadata/i.test(member));
  });
}

function isFrom(node: GraphNode, name: string): boolean {
  if (node.kind === "interop") return isFrom(node.module, name);
  if (node.kind === "import") return node.specifier === name;
  return node.kind === "commonjs" && node.filename.replaceAll("\\", "/").includes(`/node_modules/${name}/`);
}

const warned = new Set<string>();

/** Warns once of each class of a pickle that a package of the task's knows in this process only. */
export function warnOfDecorators(functions: readonly SentFunction[], nodes: readonly GraphNode[]): void {
  for (const { script, found: fn, node } of functions) {
    const { name } = node;
    if (!node.isClass || fn === undefined || name === undefined) continue;
    const lost = [...(decoratedIn(script).get(name) ?? [])].find((each) => {
      return each === METADATA ? functions.some(usesMetadata) : nodes.some((other) => isFrom(other, each));
    });
    const key = `${script.url} ${name}`;
    if (lost === undefined || warned.has(key)) continue;
    warned.add(key);
    const problem = `Decorators have registered the class "${name}" with ${lost} in this process only. The worker's ${lost} does not know the class. `;
    const advice = `Put the class into a module of its own, and import it (${script.url}).`;
    process.emitWarning(problem + advice, { type: "AsyncCpuWarning", code: "ASYNCCPU_LOST_DECORATORS" });
  }
}
