/**
 * Finds the variables that captured functions must share in the worker.
 *
 * Two functions of one script that use a variable which one of them assigns to need one binding, or the counter that one
 * raises never moves for the other. That holds for variables of the module, of which there is one. Of a local variable there
 * may be many, one for each call, and V8 does not tell them apart. But a function that another one knows by a local constant was made in
 * the same call as that constant, so the two share what is around it:
 *
 *     function make() { let count = 0; const next = () => ++count; return () => [next(), count]; }
 *
 * Where nothing tells, each function gets its own copy.
 *
 * Functions that share any variable stand in one scope in the worker, so a shared variable is in sight of some that mean a global by its
 * name. These get the global as a variable of their own.
 */

import type { Scope } from "eslint-scope";
import type { Variable } from "eslint-scope";

import type { FreeVariable } from "./free-variables.js";
import type { CapturedVariable } from "./graph-format.js";
import type { SharedVariables } from "./graph-format.js";
import type { GraphWriter } from "./graph-writer.js";
import { isStandardGlobal } from "./known-values.js";
import type { FoundFunction } from "./script-source.js";
import type { ScriptSource } from "./script-source.js";
import type { SyntaxNode } from "./syntax-tree.js";

interface Use {
  readonly node: number;
  readonly captured: CapturedVariable;
  readonly isWritten: boolean;
}

/** Whether a function is called where it stands, as a statement of the script: tsx puts CommonJS modules into one. */
function isCalledOnce(node: SyntaxNode, { parents }: ScriptSource): boolean {
  const isAnonymous =
    node.type === "ArrowFunctionExpression" || (node.type === "FunctionExpression" && node.id == null);
  const call = parents.get(node);
  if (!isAnonymous || call?.type !== "CallExpression" || call.callee !== node) return false;
  const statement = parents.get(call);
  return statement?.type === "ExpressionStatement" && parents.get(statement)?.type === "Program";
}

/** Whether the program has this variable once only. */
function isUnique(variable: Variable, script: ScriptSource, found: FoundFunction): boolean {
  // Unpickled code is evaluated once, so the variables of the wrapping exist once.
  if (script.factory !== undefined) {
    return script.factory.members.some(({ start, end }) => {
      const [from = 0, to = 0] = variable.scope.block.range ?? [];
      return start <= found.start && found.end <= end && (from < start || to > end);
    });
  }
  const { type, upper, block } = variable.scope;
  if (type === "module") return true;
  return type === "function" && (upper?.type === "global" || isCalledOnce(block, script));
}

/** What esbuild calls it, where names are not shortened; minified, it is any short one. */
const NAME_HELPER = /^(?:_*name\d*|[\w$]{1,3})$/;

/** Whether a function is what a constant's declaration makes, or the declared function itself. */
function isMadeBy(variable: Variable, node: SyntaxNode): boolean {
  const [definition] = variable.defs;
  // The variables of a `for` are made anew for every turn; what its head has made stays with the first ones.
  if (definition === undefined || variable.scope.type === "for") return false;
  if (definition.type === "FunctionName" || definition.type === "ClassName") return definition.node === node;
  if (definition.type !== "Variable" || definition.node.init == null) return false;
  const { init } = definition.node;
  if (init.type !== "CallExpression") return init === node;
  // Tools that shorten names give functions theirs back: `__name(() => ..., "next")`. Any other function may give another one.
  const [made, name, another] = init.arguments;
  if (init.callee.type !== "Identifier" || !NAME_HELPER.test(init.callee.name)) return false;
  return made === node && name?.type === "Literal" && typeof name.value === "string" && another === undefined;
}

/** Which functions see the same variables of a scope; sets that are joined again and again. */
class CommonScopes {
  readonly #parents = new Map<Scope, Map<number, number>>();

  #find(parents: Map<number, number>, node: number): number {
    let root = node;
    for (let parent = parents.get(root); parent !== undefined && parent !== root; parent = parents.get(root)) {
      root = parent;
    }
    return root;
  }

  join(scope: Scope, a: number, b: number): void {
    const parents = this.#parents.get(scope) ?? new Map<number, number>();
    this.#parents.set(scope, parents);
    parents.set(this.#find(parents, a), this.#find(parents, b));
  }

  /** One number for all functions that see the same variables of this scope. */
  of(scope: Scope, node: number): number {
    const parents = this.#parents.get(scope);
    return parents === undefined ? node : this.#find(parents, node);
  }
}

/** Whether nothing can stand for a global: a function assigns to it, or uses a name that nothing declares. */
function needsItself({ name, isWritten, isOnlyTypeof }: FreeVariable): boolean {
  return isWritten || !(isOnlyTypeof || isStandardGlobal(name));
}

interface Group {
  readonly functions: ReadonlySet<number>;
  readonly variables: readonly CapturedVariable[];
}

export class SharingFinder {
  readonly #uses = new Map<Variable, Use[]>();
  /** By function, the names of globals that it finds in the worker by itself. */
  readonly #globals = new Map<number, Map<string, FreeVariable>>();
  readonly #ofModule = new Set<Variable>();
  readonly #nodes = new Map<number, SyntaxNode>();
  readonly #common = new CommonScopes();

  /** Notes the syntax of a function that travels by value. */
  addFunction(node: number, { node: syntax }: FoundFunction): void {
    this.#nodes.set(node, syntax);
  }

  /** Notes a captured variable. Gives whether the program has it once only. */
  add(
    node: number,
    script: ScriptSource,
    found: FoundFunction,
    free: FreeVariable,
    captured: CapturedVariable,
  ): boolean {
    const { variable } = free;
    if (variable === null) return true;
    const isOfModule = isUnique(variable, script, found);
    if (isOfModule) this.#ofModule.add(variable);
    this.#addUse(variable, node, free, captured);
    return isOfModule;
  }

  #addUse(variable: Variable, node: number, free: FreeVariable, captured: CapturedVariable): void {
    const { isWritten, isReassigned } = free;
    const uses = this.#uses.get(variable) ?? [];
    this.#uses.set(variable, uses);
    uses.push({ node, captured, isWritten });
    if (isReassigned || !Array.isArray(captured.link)) return;
    const [held] = captured.link as readonly [number];
    const syntax = this.#nodes.get(held);
    if (syntax === undefined || !isMadeBy(variable, syntax)) return;
    for (let scope: Scope | null = variable.scope; scope !== null; scope = scope.upper) {
      this.#common.join(scope, node, held);
    }
  }

  /** Notes a name for which nothing is captured, since the worker has the global, or nobody has it. */
  addGlobal(node: number, free: FreeVariable): void {
    const globals = this.#globals.get(node) ?? new Map<string, FreeVariable>();
    this.#globals.set(node, globals.set(free.name, free));
  }

  /** Where functions of a group mean globals by the names of its variables. */
  #clashesIn({ functions, variables }: Group): { readonly node: number; readonly free: FreeVariable }[] {
    const clashes: { node: number; free: FreeVariable }[] = [];
    for (const node of functions) {
      const globals = this.#globals.get(node);
      for (const { name } of globals === undefined ? [] : variables) {
        const free = globals?.get(name);
        if (free !== undefined) clashes.push({ node, free });
      }
    }
    return clashes;
  }

  /** The uses of one and the same variable. */
  *#usesOfOne(): Generator<Use[]> {
    // What can't be shared as well gives way to variables of the module, of which there is one for certain.
    const ordered = [...this.#uses].toSorted(
      ([a], [b]) => Number(this.#ofModule.has(b)) - Number(this.#ofModule.has(a)),
    );
    for (const [variable, uses] of ordered) {
      const groups = new Map<number, Use[]>();
      for (const use of uses) {
        const root = this.#ofModule.has(variable) ? -1 : this.#common.of(variable.scope, use.node);
        const group = groups.get(root) ?? [];
        groups.set(root, group);
        group.push(use);
      }
      yield* groups.values();
    }
  }

  /** Takes shared variables out of the functions' own ones, and says which functions share which. */
  extract(writer: GraphWriter): SharedVariables[] {
    const { nodes } = writer;
    const groups: Group[] = [];
    for (const uses of this.#usesOfOne()) {
      const [first] = uses;
      if (first === undefined || uses.length < 2 || !uses.some(({ isWritten }) => isWritten)) continue;
      const members = new Set(uses.map(({ node }) => node));
      const touching = groups.filter(({ functions }) => uses.some(({ node }) => functions.has(node)));
      const variables = touching.flatMap((each) => each.variables);
      // Of the same name, yet another variable: of another function whose inner ones share one of the module's. Private copies, then.
      if (variables.some(({ name }) => name === first.captured.name)) continue;
      const merged: Group = {
        functions: new Set([...touching.flatMap(({ functions }) => [...functions]), ...members]),
        variables: [...variables, { ...first.captured, isEager: uses.some(({ captured }) => captured.isEager) }],
      };
      if (this.#clashesIn(merged).some(({ free }) => needsItself(free))) continue;
      for (const each of touching) groups.splice(groups.indexOf(each), 1);
      groups.push(merged);
      for (const { node, captured } of uses) {
        const owner = nodes[node];
        if (owner?.kind === "function") owner.variables.splice(owner.variables.indexOf(captured), 1);
      }
    }
    for (const { node, free } of groups.flatMap((each) => this.#clashesIn(each))) {
      const owner = nodes[node];
      if (owner?.kind !== "function") continue;
      const { name, isEager } = free;
      // Else nobody has it, and it is only asked for.
      const link = isStandardGlobal(name) ? writer.external({ kind: "global", path: [name] }) : undefined;
      owner.variables.push({ name, link, isReassigned: false, isEager });
    }
    return groups.map(({ functions, variables }) => ({
      functions: [...functions].toSorted((a, b) => a - b),
      variables,
    }));
  }
}
