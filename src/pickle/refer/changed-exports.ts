/**
 * Tells whether what an export holds now is what it holds in a worker, which evaluates the module and calls nothing in
 * it.
 *
 *     export let current = fast;
 *     export function useSlow() { current = slow; }
 *
 * After `useSlow()`, the export `current` of a worker is another function than here. Only what the module's own text
 * shows is seen.
 */

import type { Statement } from "estree";

import type { FoundFunction } from "../look/script-source.js";
import type { ScriptSource } from "../look/script-source.js";
import { isClassNode } from "../look/syntax-tree.js";
import { staticKey } from "../look/syntax-tree.js";
import type { SyntaxNode } from "../look/syntax-tree.js";

/** Names that functions of a script assign to: they may do so long after the module was evaluated. */
interface LaterWrites {
  readonly variables: ReadonlySet<string>;
  /** Members with the name of what they belong to: `config.strategy`, also for `exports.config.strategy`. */
  readonly members: ReadonlySet<string>;
}

/** The name that an object goes by: of `Shape.prototype` the class's, of `module.exports.config` the last one. */
function nameOf(object: SyntaxNode): string | undefined {
  if (object.type === "Identifier") return object.name;
  if (object.type !== "MemberExpression") return undefined;
  const name = staticKey(object, object.property);
  return name === "prototype" ? nameOf(object.object) : name;
}

/** Whether code is in a function that may run later; one that is called where it stands runs with the module. */
function isInFunction(node: SyntaxNode, { parents }: ScriptSource): boolean {
  for (let each = parents.get(node); each !== undefined; each = parents.get(each)) {
    if (!/Function/.test(each.type)) continue;
    const call = parents.get(each);
    if (call?.type !== "CallExpression" || call.callee !== each) return true;
  }
  return false;
}

function findLaterWrites(script: ScriptSource): LaterWrites {
  const variables = new Set<string>();
  for (const reference of script.references) {
    const { identifier, resolved } = reference;
    if (resolved?.scope.block.type !== "Program" || !reference.isWrite()) continue;
    if (isInFunction(identifier, script)) variables.add(identifier.name);
  }
  const members = new Set<string>();
  for (const node of script.parents.keys()) {
    if (node.type !== "AssignmentExpression" || node.left.type !== "MemberExpression") continue;
    const { left } = node;
    const [holder, name] = [nameOf(left.object), staticKey(left, left.property)];
    if (holder === undefined || name === undefined) continue;
    if (isInFunction(node, script)) members.add(`${holder}.${name}`);
  }
  return { variables, members };
}

const found = new WeakMap<ScriptSource, LaterWrites>();

function laterWrites(script: ScriptSource): LaterWrites {
  const known = found.get(script) ?? findLaterWrites(script);
  found.set(script, known);
  return known;
}

/** What a statement gives a name by declaring it. */
function declaredBy(statement: Statement, name: string): SyntaxNode | undefined {
  if (statement.type === "VariableDeclaration") {
    const declarator = statement.declarations.find(({ id }) => id.type === "Identifier" && id.name === name);
    return declarator?.init ?? undefined;
  }
  const isNamed = statement.type === "ClassDeclaration" || statement.type === "FunctionDeclaration";
  return isNamed && statement.id?.name === name ? statement : undefined;
}

/** The class, function or initialiser that a module's variable has for good. */
export function declaredForGood(script: ScriptSource, name: string): SyntaxNode | undefined {
  const variable = script.variablesNamed(name).find(({ scope }) => scope.type === "module");
  if (variable === undefined || variable.defs.length > 1) return undefined;
  if (variable.references.some((each) => each.isWrite() && each.init !== true)) return undefined;
  for (const statement of script.program.body) {
    const declared = declaredBy(statement as Statement, name);
    if (declared !== undefined) return declared;
  }
  return undefined;
}

/** What a statement gives a member of this name by assigning to it, such as `exports.name`. */
function assignedBy(statement: Statement, name: string): SyntaxNode | undefined {
  const expression = statement.type === "ExpressionStatement" ? statement.expression : undefined;
  if (expression?.type !== "AssignmentExpression") return undefined;
  const { left, right } = expression;
  return left.type === "MemberExpression" && staticKey(left, left.property) === name ? right : undefined;
}

/** What a module's text gives a name at its top: an initialiser, a class, what is assigned to `exports.name`. */
function valueGiven({ program }: ScriptSource, name: string): SyntaxNode | undefined {
  for (const statement of program.body) {
    const isExport = statement.type === "ExportNamedDeclaration" || statement.type === "ExportDefaultDeclaration";
    const declared = (isExport ? statement.declaration : statement) as Statement | null | undefined;
    const value = declared && (declaredBy(declared, name) ?? assignedBy(declared, name));
    if (value !== undefined && value !== null) return value;
  }
  return undefined;
}

/** Whether the text gives a property another function than this one; false where it doesn't tell. */
function isGivenAnother(
  script: ScriptSource,
  name: string,
  path: readonly string[],
  { node }: FoundFunction,
): boolean {
  const holder = valueGiven(script, name);
  const key = path.at(-1);
  if (holder?.type === "ObjectExpression" && path.length === 1) {
    const last = holder.properties.findLast((each) => each.type !== "Property" || staticKey(each, each.key) === key);
    if (last?.type !== "Property") return false;
    const value = last.value.type === "Identifier" ? valueGiven(script, last.value.name) : (last.value as SyntaxNode);
    return value !== undefined && /Function|^Class/.test(value.type) && value !== node;
  }
  if (holder === undefined || !isClassNode(holder)) return false;
  const isStatic = path.length === 1;
  const members = holder.body.body.filter(
    (each) => each.type === "MethodDefinition" && each.static === isStatic && staticKey(each, each.key) === key,
  );
  return members.length > 0 && members.every((each) => each.type === "MethodDefinition" && each.value !== node);
}

/**
 * Whether a worker that evaluates the module may find something else at an export than this function.
 *
 * @param name - the module's variable, or of CommonJS its property.
 * @param path - from what it holds to the function.
 */
export function mayHaveChanged(
  script: ScriptSource,
  name: string,
  path: readonly string[],
  fn: FoundFunction,
): boolean {
  const { variables, members } = laterWrites(script);
  const last = path.at(-1);
  if (variables.has(name) || members.has(last === undefined ? `exports.${name}` : `${name}.${last}`)) return true;
  return last !== undefined && isGivenAnother(script, name, path, fn);
}
