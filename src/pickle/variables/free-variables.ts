/** Which names a function uses without declaring them, and what the script says of each. */

import type { Variable } from "eslint-scope";
import type { ImportDeclaration } from "estree";

import type { FactoryMember } from "../look/factory-registry.js";
import type { ExternalNode } from "../graph/format.js";
import type { FoundFunction } from "../look/script-source.js";
import type { NameUse } from "../look/script-source.js";
import type { ScriptSource } from "../look/script-source.js";
import { endOf } from "../look/syntax-tree.js";
import { isCompiledImport } from "../refer/find-export.js";
import { specifierName } from "../look/syntax-tree.js";
import { startOf } from "../look/syntax-tree.js";
import { staticKey } from "../look/syntax-tree.js";
import type { SyntaxNode } from "../look/syntax-tree.js";

/** A name that a stretch of source uses and does not declare. */
export interface FreeVariable {
  readonly name: string;
  /** The declaration in the same script; null when there is none. */
  readonly variable: Variable | null;
  /** Offset of the first use. */
  readonly offset: number;
  /** Whether this stretch assigns to it. */
  readonly isWritten: boolean;
  /** Whether any code assigns to it after its declaration. */
  readonly isReassigned: boolean;
  /** Whether all uses are `typeof name`. */
  readonly isOnlyTypeof: boolean;
  /** Whether evaluating the class (not calling something in it) reads it. */
  readonly isEager: boolean;
  /** The properties used, when every use is `name.property`. */
  readonly members: ReadonlySet<string> | undefined;
  /** An import, or what a variable of unpickled code was before. */
  readonly external: ExternalNode | undefined;
}

/** How a worker finds an import. */
export function importOf(script: ScriptSource, variable: Variable): ExternalNode | undefined {
  const definition = variable.defs[0];
  if (definition?.type !== "ImportBinding") return undefined;
  return importNode(script, definition.node, definition.parent);
}

function importNode(
  script: ScriptSource,
  specifier: SyntaxNode,
  declaration: ImportDeclaration,
): ExternalNode | undefined {
  const specifierText = String(declaration.source.value);
  if (isCompiledImport(specifierText, script.url)) return undefined;
  const attributes = Object.fromEntries(
    (declaration.attributes ?? []).map(({ key, value }) => [specifierName(key), String(value.value)]),
  );
  const path =
    specifier.type === "ImportNamespaceSpecifier"
      ? []
      : [specifier.type === "ImportSpecifier" ? specifierName(specifier.imported) : "default"];
  return {
    kind: "import",
    specifier: specifierText,
    referrer: script.url,
    path,
    ...(Object.keys(attributes).length > 0 && { attributes }),
  };
}

const importsOfScripts = new WeakMap<ScriptSource, ReadonlyMap<string, ExternalNode>>();

/** The local names of a script's imports, with how a worker finds each. */
export function importsOf(script: ScriptSource): ReadonlyMap<string, ExternalNode> {
  const known = importsOfScripts.get(script);
  if (known !== undefined) return known;
  const found = new Map<string, ExternalNode>();
  for (const statement of script.program.body) {
    if (statement.type !== "ImportDeclaration") continue;
    for (const each of statement.specifiers) {
      const node = importNode(script, each, statement);
      if (node !== undefined) found.set(each.local.name, node);
    }
  }
  importsOfScripts.set(script, found);
  return found;
}

/** Whether code assigns to the variable after its declaration. */
export function isReassigned(variable: Variable): boolean {
  return variable.defs.length > 1 || variable.references.some((each) => each.isWrite() && !each.init);
}

function isTypeofUse(script: ScriptSource, reference: NameUse): boolean {
  const parent = script.parents.get(reference.identifier);
  return parent?.type === "UnaryExpression" && parent.operator === "typeof";
}

function memberUse(script: ScriptSource, reference: NameUse): string | undefined {
  const parent = script.parents.get(reference.identifier);
  if (parent?.type !== "MemberExpression" || parent.object !== reference.identifier) return undefined;
  return staticKey(parent, parent.property);
}

/** Whether a use inside a class is reached when the class is evaluated: heritage, computed keys, static parts. */
function isReadOnEvaluation(script: ScriptSource, identifier: SyntaxNode, root: SyntaxNode): boolean {
  let node = identifier;
  for (let parent = script.parents.get(node); parent !== undefined; parent = script.parents.get(node)) {
    const isDeferred =
      (parent.type === "MethodDefinition" && parent.value === node) ||
      (parent.type === "PropertyDefinition" && parent.value === node && !parent.static);
    if (isDeferred) return false;
    if (parent === root) return true;
    node = parent;
  }
  return true;
}

function isDeclaredWithin(variable: Variable, start: number, end: number): boolean {
  const { block } = variable.scope;
  // A function declaration's own name belongs to the scope around it, whose block is larger.
  return startOf(block) >= start && endOf(block) <= end;
}

/** Finds the free variables of a stretch of source, in the order of their first use. */
export function freeVariables(
  script: ScriptSource,
  start: number,
  end: number,
  root: SyntaxNode,
  leftOut?: SyntaxNode,
): FreeVariable[] {
  const uses = new Map<string, NameUse[]>();
  const isLeftOut = (at: number): boolean => leftOut !== undefined && startOf(leftOut) <= at && at < endOf(leftOut);
  for (const reference of script.referencesIn(start, end)) {
    if (isLeftOut(startOf(reference.identifier))) continue;
    if (reference.resolved !== null && isDeclaredWithin(reference.resolved, start, end)) continue;
    const { name } = reference.identifier;
    const known = uses.get(name);
    if (known === undefined) uses.set(name, [reference]);
    else known.push(reference);
  }
  const member: FactoryMember | undefined = script.factory?.members.find(
    (each) => each.start <= start && end <= each.end,
  );
  return Array.from(uses, ([name, references]) => {
    const [first] = references;
    const variable = first?.resolved ?? null;
    const members = references.map((each) => memberUse(script, each));
    const isOfFactory = member !== undefined && !(variable && isDeclaredWithin(variable, member.start, member.end));
    const ownFact = variable === null || isReassigned(variable);
    return {
      name,
      variable,
      offset: first === undefined ? start : startOf(first.identifier),
      isWritten: references.some((each) => each.isWrite()),
      isReassigned: isOfFactory ? !member.constants.has(name) : ownFact,
      isOnlyTypeof: references.every((each) => isTypeofUse(script, each)),
      isEager: references.some((each) => isReadOnEvaluation(script, each.identifier, root)),
      members: members.includes(undefined) ? undefined : new Set(members as string[]),
      external: isOfFactory ? member.externals.get(name) : variable === null ? undefined : importOf(script, variable),
    };
  });
}

/**
 * The free variables of a function.
 *
 * @param leftOut - an expression that does not travel: what stands behind `extends`.
 */
export function freeVariablesOf(
  script: ScriptSource,
  found: FoundFunction,
  leftOut: SyntaxNode | undefined,
): FreeVariable[] {
  const { node, outer } = found;
  // Nor does the expression of a computed method name.
  const isComputed = (outer.type === "MethodDefinition" || outer.type === "Property") && outer.computed;
  const start = isComputed ? startOf(node) : found.start;
  return freeVariables(script, start, found.end, node, leftOut);
}
