/**
 * Sorts the variables that captured functions use: into those of their modules, of which a worker has one each; those
 * that functions share because one of them assigns to them; and those that each function has for itself.
 *
 *     let total = 0;                               of the module, assigned: in the first scope of a unit
 *     const cache = new Map();                     of the module: an entry, and a slot of each function that uses it
 *     function make() {
 *       let count = 0;                             local, assigned: in a scope of a unit, of which each call makes a frame
 *       const step = 2;                            local: a slot
 *       return () => { total += step; count++; };
 *     }
 */

import type { Scope } from "eslint-scope";
import type { Variable } from "eslint-scope";

import { CommonScopes } from "../look/common-scopes.js";
import { isMadeBy } from "../look/common-scopes.js";
import { componentOf } from "../variables/components.js";
import { isShared } from "../variables/components.js";
import type { Component } from "../variables/components.js";
import { numberOf } from "../look/captured-state.js";
import { FRAME_VARIABLE } from "../look/factory-registry.js";
import type { FreeVariable } from "../variables/free-variables.js";
import { codeOf } from "../variables/function-code.js";
import type { CapturedScope } from "../look/function-inspector.js";
import { functionShape } from "../variables/function-shape.js";
import type { CapturedVariable } from "../graph/format.js";
import type { CodeUnit } from "../graph/format.js";
import type { Frame } from "../graph/format.js";
import type { FunctionCode } from "../graph/format.js";
import type { FunctionNode } from "../graph/format.js";
import type { ModuleEntry } from "../graph/format.js";
import type { ModuleRecord } from "../graph/format.js";
import type { GraphWriter } from "./graph-writer.js";
import { identityOf } from "../look/module-scope.js";
import { isOfModule } from "../look/module-scope.js";
import { moduleKeyOf } from "../look/module-scope.js";
import type { FoundFunction } from "../look/script-source.js";
import type { ScriptSource } from "../look/script-source.js";
import { Stamps } from "./stamps.js";
import { endOf } from "../look/syntax-tree.js";
import { startOf } from "../look/syntax-tree.js";
import type { SyntaxNode } from "../look/syntax-tree.js";

/** A function that travels by value. */
export interface SentFunction {
  readonly index: number;
  readonly node: FunctionNode;
  readonly script: ScriptSource;
  /** Absent for one that was made up, to evaluate an initialiser again. */
  readonly found?: FoundFunction;
  readonly scopes: readonly CapturedScope[];
  /** Whether the variable that it was declared as may hold something else by now. */
  readonly isDetached?: boolean;
  /** The text of one that was made up. */
  readonly code?: Omit<FunctionCode, "fixed" | "ofModule" | "local" | "scope">;
}

interface Held extends SentFunction {
  component?: Component;
  /** Names of the module's variables that nothing assigns to. */
  readonly constants: Set<string>;
  /** Local variables that some code assigns to. */
  readonly shared: Map<Variable, CapturedVariable>;
}

const NOT_FOUND = -1;

function isInnermost(scope: Scope, other: Scope | undefined): boolean {
  const length = ({ block }: Scope): number => endOf(block) - startOf(block);
  return other === undefined || length(scope) < length(other);
}

/** The scope of a component that a function stands in: the innermost whose variables it uses. */
function scopeOf(
  { script, scopes, variables }: Component,
  found: FoundFunction,
  free: readonly FreeVariable[],
): Scope | undefined {
  let innermost: Scope | undefined;
  for (const each of free) {
    const { variable } = each;
    if (variable === null || !variables.has(variable) || !isShared(script, found, each)) continue;
    if (scopes.includes(variable.scope) && isInnermost(variable.scope, innermost)) innermost = variable.scope;
  }
  return innermost;
}

/** The scopes that the captured functions of one pickle share. */
export class Scopes {
  readonly #functions = new Map<number, Held>();
  readonly #syntax = new Map<number, SyntaxNode>();
  readonly #common = new CommonScopes();
  readonly #modules: ModuleRecord[] = [];
  readonly #moduleNumbers = new Map<string, number>();
  readonly #entries = new Map<string, ModuleEntry>();
  readonly #units: CodeUnit[] = [];
  readonly #unitNumbers = new Map<Component, number>();
  readonly #frames: Frame[] = [];
  readonly #frameNumbers = new Map<string, number>();

  /** Notes a function that travels by value. */
  addFunction(sent: SentFunction): void {
    const { index, node, script, found } = sent;
    this.#functions.set(index, Object.assign(sent, { constants: new Set<string>(), shared: new Map() }));
    if (found === undefined) return;
    this.#syntax.set(index, found.node);
    const identity = identityOf(script, found);
    const key = moduleKeyOf(script);
    if (key === undefined) return;
    node.module = this.#module(key);
    if (identity !== undefined) node.identity = identity;
  }

  /** The functions that travel by value. */
  get sent(): readonly SentFunction[] {
    return [...this.#functions.values()];
  }

  #module(key: string): number {
    const known = this.#moduleNumbers.get(key) ?? this.#modules.push({ key, entries: [] }) - 1;
    this.#moduleNumbers.set(key, known);
    return known;
  }

  /** Notes a variable that a function uses. Gives whether the program has it once only. */
  addVariable(index: number, free: FreeVariable, captured: CapturedVariable): boolean {
    const held = this.#functions.get(index);
    if (held === undefined) return true;
    const { node, script, found } = held;
    const { variable } = free;
    if (variable === null || free.external !== undefined) {
      node.variables.push(captured);
      return true;
    }
    const isUnique = isOfModule(script, variable, found);
    const component =
      found !== undefined && isShared(script, found, free) ? componentOf(script, variable, found) : undefined;
    const isCompiled = found !== undefined && component?.functions.includes(found) === true;
    if (isCompiled && component !== undefined) held.component = component;
    if (isUnique && (isCompiled || !free.isReassigned)) {
      this.addEntry(index, captured);
      if (!free.isReassigned) held.constants.add(captured.name);
    } else if (isCompiled) {
      held.shared.set(variable, captured);
    } else {
      node.variables.push(captured);
      this.#joinWith(index, variable, captured);
    }
    return isUnique;
  }

  /** Two functions of which one knows the other by a local constant were made in the same call. */
  #joinWith(index: number, variable: Variable, { link }: CapturedVariable): void {
    if (!Array.isArray(link)) return;
    const [other] = link as readonly [number];
    const syntax = this.#syntax.get(other);
    if (syntax !== undefined && isMadeBy(variable, syntax)) this.#common.join(variable.scope, index, other);
  }

  /** Notes a variable of a function's module, or a member of its exports. */
  addEntry(
    index: number,
    { name, link, isEager, isOwned }: Pick<CapturedVariable, "name" | "link" | "isEager" | "isOwned">,
  ): void {
    const held = this.#functions.get(index);
    const key = held && moduleKeyOf(held.script);
    if (held === undefined || key === undefined) return;
    const module = this.#module(key);
    held.node.module = module;
    held.node.uses = [...(held.node.uses ?? []), name];
    if (isEager && held.node.isClass) held.node.eager = [...(held.node.eager ?? []), name];
    const place = `${module} ${name}`;
    if (this.#entries.has(place)) return;
    const entry: ModuleEntry = { name, link, stamp: "", ...(isOwned === true && { isOwned }) };
    this.#entries.set(place, entry);
    this.#modules[module]?.entries.push(entry);
  }

  /** The module of a function, where it has one. */
  moduleOf(index: number): number | undefined {
    return this.#functions.get(index)?.node.module;
  }

  /** To be called when all is noted: gives functions their code, and variables their stamps. */
  finish(writer: GraphWriter): { modules: ModuleRecord[]; units: CodeUnit[]; frames: Frame[] } {
    for (const held of this.#functions.values()) this.#place(held);
    const stamps = new Stamps(writer, this.#modules, this.#frames);
    // Instances of a class are told by it, also where it is made anew in each call of a function. One that shares
    // variables that some code assigns to belongs to what it shares them with.
    const made = [...this.#functions.values()].filter(
      ({ node }) =>
        node.identity === undefined && (node.registeredAs !== undefined || (node.isClass && node.frame === undefined)),
    );
    const identities = made.map(({ index }) => `${numberOf(stamps.objects.get(index) ?? {})} ${stamps.of([index])}`);
    for (const [place, { node, script }] of made.entries()) {
      node.module ??= this.#module(moduleKeyOf(script) ?? "");
      node.identity = identities[place] ?? "";
      node.isMadeAnew = true;
    }
    for (const { index, node } of this.#functions.values()) {
      if (node.identity !== undefined) node.stamp = stamps.ofParts(index);
    }
    for (const entry of this.#entries.values()) if (entry.isOwned !== true) entry.stamp = stamps.of(entry.link);
    return { modules: this.#modules, units: this.#units, frames: this.#frames };
  }

  #place(held: Held): void {
    const { node, component, found } = held;
    if (component === undefined || found === undefined) {
      node.unit = this.#units.push(this.#unitOfOne(held)) - 1;
      node.code = 0;
      return;
    }
    const unit = this.#unitNumbers.get(component) ?? this.#units.push(this.#unitOf(component)) - 1;
    this.#unitNumbers.set(component, unit);
    node.unit = unit;
    node.code = this.#functionsOf(component).indexOf(found);
    const scope = this.#units[unit]?.codes[node.code]?.scope ?? NOT_FOUND;
    const frame = this.#frameOf(held, component, unit, scope);
    if (frame !== undefined) node.frame = frame;
  }

  #unitOfOne({ node, script, found, code, constants, isDetached }: Held): CodeUnit {
    const given =
      found === undefined ? { fixed: [], ofModule: [...constants], local: [] } : codeOf(script, found, isDetached);
    const own = withMissing({ ...given, ...code, scope: NOT_FOUND } as FunctionCode, node);
    const { module } = node;
    return { url: script.url, ...(module !== undefined && { module }), scopes: [], codes: [own] };
  }

  /** A unit that stays in the worker needs the text of all its functions; of another, those that travel are enough. */
  #functionsOf(component: Component): readonly FoundFunction[] {
    if (component.ofModule.length > 0) return component.functions;
    const sent = new Set(
      [...this.#functions.values()].filter((each) => each.component === component).map(({ found }) => found),
    );
    return component.functions.filter((each) => sent.has(each));
  }

  #unitOf(component: Component): CodeUnit {
    const { script, ofModule, scopes, variables } = component;
    const hasModule = ofModule.length > 0;
    const offset = hasModule ? 1 : 0;
    const numberOfScope = (scope: Scope | null | undefined): number => {
      for (let each = scope ?? null; each !== null; each = each.upper) {
        const at = scopes.indexOf(each);
        if (at >= 0) return at + offset;
      }
      return hasModule ? 0 : NOT_FOUND;
    };
    const namesIn = (scope: Scope): string[] =>
      [...variables].filter((each) => each.scope === scope).map(({ name }) => name);
    const held = [...this.#functions.values()].filter((each) => each.component === component);
    const extras: string[] = [];
    const codes: FunctionCode[] = [];
    for (const [place, found] of this.#functionsOf(component).entries()) {
      const node = held.find((each) => each.found === found)?.node;
      const code = codeOf(script, found);
      const own = node === undefined ? code : withMissing(code, node);
      for (const name of own.local.slice(code.local.length)) extras.push(`${place} ${name}`);
      codes.push({ ...own, scope: numberOfScope(scopeOf(component, found, freeOf(script, found))) });
    }
    const key = moduleKeyOf(script);
    return {
      url: script.url,
      ...(hasModule && key !== undefined && { module: this.#module(key), key: [...ofModule, ...extras].join() }),
      scopes: [
        ...(hasModule ? [{ parent: NOT_FOUND, names: ofModule }] : []),
        ...scopes.map((scope) => ({ parent: numberOfScope(scope.upper), names: namesIn(scope) })),
      ],
      codes,
    };
  }

  /** The frame that a function stands in; undefined for that of the module. */
  #frameOf(held: Held, component: Component, unit: number, scope: number): number | undefined {
    const offset = component.ofModule.length > 0 ? 1 : 0;
    const syntax = component.scopes[scope - offset];
    if (scope < offset || syntax === undefined) return undefined;
    const names = [...component.variables].filter((each) => each.scope === syntax).map(({ name }) => name);
    const key = `${unit} ${scope} ${this.#callOf(held, syntax, names)}`;
    const parent = this.#frameOf(held, component, unit, this.#units[unit]?.scopes[scope]?.parent ?? NOT_FOUND);
    const number =
      this.#frameNumbers.get(key) ??
      this.#frames.push({ unit, scope, ...(parent !== undefined && { parent }), variables: [] }) - 1;
    this.#frameNumbers.set(key, number);
    const frame = this.#frames[number];
    for (const [variable, captured] of held.shared) {
      if (variable.scope !== syntax || frame === undefined) continue;
      const known = frame.variables.findIndex(({ name }) => name === captured.name);
      if (known < 0) frame.variables.push(captured);
      else if (captured.isEager) frame.variables[known] = captured;
    }
    return number;
  }

  /** Tells the call that has made a function from others of the same function. */
  #callOf({ index, script, scopes }: Held, scope: Scope, names: readonly string[]): string {
    if (script.factory === undefined) return String(this.#common.of(scope, index));
    const frame = scopes.find(({ variables }) => names.some((name) => Object.hasOwn(variables, name)));
    const own = frame?.variables[FRAME_VARIABLE];
    return typeof own === "object" && own !== null ? `of ${numberOf(own)}` : String(index);
  }
}

function freeOf(script: ScriptSource, found: FoundFunction): readonly FreeVariable[] {
  return functionShape(script, found).free;
}

/** Adds slots for what a function has captured beyond what its syntax tells: globals that the program has made. */
function withMissing(code: FunctionCode, { variables }: FunctionNode): FunctionCode {
  const names = new Set([...code.fixed, ...code.ofModule, ...code.local]);
  const missing = variables.map(({ name }) => name).filter((name) => !names.has(name));
  return missing.length === 0 ? code : { ...code, local: [...code.local, ...missing] };
}
