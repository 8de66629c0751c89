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

import type { ScriptSource } from "../look/script-source.js";
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

/**
 * Whether a worker that evaluates the module may find something else at an export than is there now.
 *
 * @param name - the module's variable, or of CommonJS its property.
 * @param path - from what it holds to the function.
 */
export function mayHaveChanged(script: ScriptSource, name: string, path: readonly string[]): boolean {
  const { variables, members } = laterWrites(script);
  const last = path.at(-1);
  return variables.has(name) || members.has(last === undefined ? `exports.${name}` : `${name}.${last}`);
}
