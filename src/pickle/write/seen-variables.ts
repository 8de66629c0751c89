/**
 * Notices that variables which some code assigns to hold something else than when they were looked at.
 *
 * Only the inspector tells their values, and it costs a tenth of a millisecond for each function that is asked. So of
 * functions that surely see the same variables, one is asked for all: those of a module's scope, and those that know
 * the same function which each call of the function around them makes anew.
 */

import type { Variable } from "eslint-scope";

import { Trace } from "../look/captured-state.js";
import type { FunctionInspector } from "../look/function-inspector.js";
import type { CapturedScope } from "../look/function-inspector.js";
import { isReassigned } from "../variables/free-variables.js";
import { lookUp } from "../look/look-up.js";
import { isOfModule } from "../look/module-scope.js";
import type { FoundFunction } from "../look/script-source.js";
import type { ScriptSource } from "../look/script-source.js";
import { endOf } from "../look/syntax-tree.js";
import { startOf } from "../look/syntax-tree.js";
import type { SyntaxNode } from "../look/syntax-tree.js";

/** Where a variable was seen. */
export interface SeenAt {
  readonly script: ScriptSource;
  readonly found: FoundFunction;
  readonly scopes: readonly CapturedScope[];
  /** The function that sees it. */
  readonly fn: object;
}

/**
 * The function or class that each evaluation of a variable's scope makes anew, where the variable holds one and
 * nothing else.
 */
function madeWithScope(variable: Variable): SyntaxNode | undefined {
  const [definition] = variable.defs;
  if (definition === undefined || variable.scope.type === "for" || isReassigned(variable)) return undefined;
  if (definition.type === "FunctionName" || definition.type === "ClassName") return definition.node;
  const init = definition.type === "Variable" ? definition.node.init : undefined;
  return init != null && /Function|Class/.test(init.type) ? init : undefined;
}

/** Whether there is one variable of this name only, in all scopes around a function. */
function isUnambiguous(scopes: readonly CapturedScope[], name: string): boolean {
  return scopes.filter(({ variables }) => name in variables).length === 1;
}

/** The variables that a look at a function has read, with what they held then. */
export class SeenVariables {
  /** Names and traces of values, by the function to be asked. */
  readonly #values = new Map<object, Map<string, Trace>>();
  /** Functions to be asked, and their scopes, by what tells the scope. */
  readonly #askedFor = new Map<object, { readonly fn: object; readonly scopes: readonly CapturedScope[] }>();

  add(name: string, variable: Variable | null, value: unknown, at: SeenAt): void {
    const { fn } = this.#whomToAsk(name, variable, value, at);
    const ofFunction = this.#values.get(fn) ?? new Map<string, Trace>();
    this.#values.set(fn, ofFunction.set(name, new Trace(value)));
  }

  #whomToAsk(name: string, variable: Variable | null, value: unknown, at: SeenAt): { readonly fn: object } {
    const key = variable === null ? undefined : this.#keyOf(variable, at);
    if (key === undefined) return at;
    const known = this.#askedFor.get(key);
    const isKnown = known !== undefined && isUnambiguous(known.scopes, name);
    if (isKnown && Object.is(lookUp(known.scopes, name).value, value)) return known;
    this.#askedFor.set(key, at);
    return at;
  }

  /** The same for all functions that have this very variable. */
  #keyOf(variable: Variable, { script, found, scopes }: SeenAt): object | undefined {
    const { scope } = variable;
    if (script.factory !== undefined) return undefined;
    if (isOfModule(script, variable, found)) return scope;
    for (const each of scope.variables) {
      const made = madeWithScope(each);
      if (made === undefined || !isUnambiguous(scopes, each.name)) continue;
      const { value } = lookUp(scopes, each.name);
      if (typeof value !== "function") continue;
      const text = script.info.source.slice(startOf(made), endOf(made));
      if (Function.prototype.toString.call(value) === text) return value;
    }
    return undefined;
  }

  get isEmpty(): boolean {
    return this.#values.size === 0;
  }

  areUnchanged(inspector: FunctionInspector | undefined): boolean {
    inspector?.inspectAll([...this.#values.keys()]);
    for (const [fn, traces] of this.#values) {
      const { scopes = [] } = inspector?.inspect(fn) ?? {};
      for (const [name, trace] of traces) if (!trace.isOf(lookUp(scopes, name).value)) return false;
    }
    return true;
  }
}
