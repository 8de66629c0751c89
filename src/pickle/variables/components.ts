/**
 * Finds the functions of a script that must be compiled together, as they use variables that some code assigns to.
 *
 *     let count = 0;                                  one component: `count`, raise, read, and the arrow function in `watch`,
 *     function raise() { count += 1; }                whose variable `last` takes the function that `watch` returns along
 *     const read = () => count;
 *     function watch() { let last = 0; check(() => { last = count; }); return () => last; }
 *
 * Only functions that stand in one scope have one binding for a variable. A worker gets them one after the other, in
 * many pickles, and a scope can't be opened again (by `eval` alone, and what a sloppy one brings in is slow). So the
 * first pickle brings the text of all functions that use the variable, also of those that nobody has sent yet.
 */

import type { Scope } from "eslint-scope";
import type { Variable } from "eslint-scope";

import type { FreeVariable } from "./free-variables.js";
import { functionShape } from "./function-shape.js";
import { isOfModule } from "../look/module-scope.js";
import { memberAt } from "../look/module-scope.js";
import type { FoundFunction } from "../look/script-source.js";
import type { ScriptSource } from "../look/script-source.js";
import { startOf } from "../look/syntax-tree.js";
import type { SyntaxNode } from "../look/syntax-tree.js";

/** Functions that use the same variables, directly or by way of others. */
export interface Component {
  readonly script: ScriptSource;
  readonly variables: ReadonlySet<Variable>;
  /** The names of those that are the module's. */
  readonly ofModule: readonly string[];
  /** Scopes of the others, outer ones first. */
  readonly scopes: readonly Scope[];
  readonly functions: readonly FoundFunction[];
}

/** Whether a free variable is one that functions share by being compiled together. */
export function isShared(script: ScriptSource, found: FoundFunction, free: FreeVariable): boolean {
  if (free.variable === null || !free.isReassigned || free.external !== undefined) return false;
  // What holds the function itself is a variable of its own, as it was written.
  if (functionShape(script, found).declaredName === free.name) return false;
  return script.factory === undefined || memberAt(script, found.start, found.end)?.slots.has(free.name) !== true;
}

/** The functions around the uses of a variable, within its scope. */
function* usersOf(script: ScriptSource, variable: Variable): Generator<FoundFunction> {
  for (const { identifier } of variable.references) {
    let node: SyntaxNode | undefined = identifier as SyntaxNode;
    for (; node !== undefined && node !== variable.scope.block; node = script.parents.get(node)) {
      const found = script.functionAt(node);
      if (found === undefined) continue;
      // Other functions in such code are the wrapping.
      if (script.factory !== undefined && memberAt(script, found.start, found.end) === undefined) continue;
      yield found;
    }
  }
}

const known = new WeakMap<Variable, Component>();

/** The component of a variable that some code assigns to. */
export function componentOf(script: ScriptSource, start: Variable, user: FoundFunction): Component {
  const before = known.get(start);
  if (before !== undefined) return before;
  const variables = new Set([start]);
  const functions = new Set<FoundFunction>();
  const ofModule = new Set<string>();
  const scopes = new Set<Scope>();
  for (const variable of variables) {
    if (isOfModule(script, variable, user)) ofModule.add(variable.name);
    else scopes.add(variable.scope);
    for (const found of usersOf(script, variable)) {
      if (functions.has(found)) continue;
      const { free, obstacles } = functionShape(script, found);
      // By itself, its text would be no function.
      if (obstacles.length > 0 || !free.some((each) => each.variable === variable)) continue;
      functions.add(found);
      for (const each of free) if (isShared(script, found, each)) variables.add(each.variable as Variable);
    }
  }
  const component: Component = {
    script,
    variables,
    ofModule: [...ofModule].toSorted(),
    scopes: [...scopes].toSorted((a, b) => startOf(a.block) - startOf(b.block)),
    functions: [...functions].toSorted((a, b) => a.start - b.start || b.end - a.end),
  };
  for (const variable of variables) known.set(variable, component);
  return component;
}
