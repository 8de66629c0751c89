/**
 * Writes and compiles the code that gives unpickled functions their variables.
 *
 *     (function(factory){return[
 *       function(frame){var total;return[SET,                      a scope: called for each frame of it
 *         function(){"use strict";var a,b;return[SET,function(){return(SOURCE)}]}]},    a function: called for each instance
 *                                 │              │                       └ evaluated once: at once for a function,
 *                                 │              └ sets a variable, as often as needed     when ready for a class
 *                                 └ `var`, as `let` would be checked for initialisation at every use
 *
 * Functions that share variables stand in one such code together. What does not work: `with (variables)`, which would
 * allow one compilation for each function and yet shared variables, but makes every access slow and passes itself as
 * `this` of calls; `eval` in a scope that is kept, which makes variables slow in code that is not strict, and which a
 * flag of Node's forbids.
 */

import { Script } from "node:vm";
import { constants } from "node:vm";

import { CodeLayout } from "./code-layout.js";
import { inOrder } from "./code-layout.js";
import type { LayoutItem } from "./code-layout.js";
import { FACTORY_VARIABLE } from "../look/factory-registry.js";
import type { Factory } from "../look/factory-registry.js";
import type { FactoryMember } from "../look/factory-registry.js";
import { FRAME_VARIABLE } from "../look/factory-registry.js";
import { registerFactory } from "../look/factory-registry.js";
import type { CodeUnit } from "../graph/format.js";
import type { FunctionCode } from "../graph/format.js";
import { movedUrl } from "../look/source-maps.js";
import { sourceMapUrlOf } from "../look/source-maps.js";

/** Variables of code or of a scope, by their place. */
export interface Slots {
  set(place: number, value: unknown): void;
}

type Setter = (value: unknown, place: number) => void;
type Wrapper = (frame?: object) => readonly [Setter, ...unknown[]];

const PARAMETER = "$asynccpu$";
const PLACE = "$asynccpu_place$";
/** Holds the record of the slots for as long as anything that sees them lives. */
const HOLDER = "$asynccpu_slots$";

function declare(names: readonly string[]): string {
  return names.length === 0 ? "" : `var ${names.join(",")};`;
}

function setter(names: readonly string[]): string {
  const cases = names.map((name, place) => `case ${place}:${name}=${PARAMETER};break;`).join("");
  // Mentioned, these variables stay in the scope of all functions beside this one.
  return `function(${PARAMETER},${PLACE}){switch(${PLACE}){${cases}default:${FACTORY_VARIABLE};${FRAME_VARIABLE};${HOLDER}=${PARAMETER}}}`;
}

/** The names of a function's slots, in their order. */
export function slotsOf({ fixed, ofModule, local }: FunctionCode): string[] {
  return [...fixed, ...ofModule, ...local];
}

function wrap(code: FunctionCode): [prefix: string, suffix: string] {
  const names = slotsOf(code);
  const start = `function(){${code.isStrict ? '"use strict";' : ""}`;
  if (code.form === "declaration") {
    // The declaration itself is the variable, so that its body and the setter mean the same one.
    const own = code.declaredName ?? "";
    const others = declare([...names.filter((name) => name !== own), HOLDER]);
    return [`${start}${others}return[${setter(names)},function(s){return function(){return s}}(${own})];`, "}"];
  }
  const [open, close] = code.form === "expression" ? ["(", ")"] : ["({", "})"];
  return [`${start}${declare([...names, HOLDER])}return[${setter(names)},function(){return${open}`, `${close}}]}`];
}

function compile(code: string, url: string, line: number, column: number): unknown {
  const script = new Script(code, {
    filename: url,
    lineOffset: line,
    columnOffset: column,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  return script.runInThisContext();
}

interface Item extends LayoutItem {
  readonly isScope: boolean;
  /** Of the scope or the code in its unit. */
  readonly number: number;
}

/** A function, compiled but not yet evaluated, with slots of its own. */
export class CompiledFunction implements Slots {
  readonly #setter: Setter;
  /** Evaluates the source; for a method or accessor, to an object that has it as its only property. */
  readonly evaluate: () => unknown;
  readonly member: FactoryMember;

  constructor(wrapper: Wrapper, member: FactoryMember) {
    const [set, evaluate] = wrapper();
    this.#setter = set;
    this.evaluate = evaluate as () => unknown;
    this.member = member;
    set(this, -1);
  }

  set(place: number, value: unknown): void {
    this.#setter(value, place);
  }
}

/** One frame of a scope: its variables, and what stands in it. */
export class CompiledFrame implements Slots {
  readonly #unit: CompiledUnit;
  readonly #scope: number;
  readonly #parts: readonly unknown[];

  /** @param parts - What the code of the scope gives: its setter, and one for each item in it. */
  constructor(unit: CompiledUnit, scope: number, parts: (frame: object) => readonly unknown[]) {
    this.#unit = unit;
    this.#scope = scope;
    this.#parts = parts(this);
  }

  set(place: number, value: unknown): void {
    (this.#parts[0] as Setter)(value, place);
  }

  #part(isScope: boolean, number: number): Wrapper {
    const items = this.#unit.items.get(this.#scope) ?? [];
    const place = items.findIndex((item) => item.isScope === isScope && item.number === number);
    return this.#parts[place + 1] as Wrapper;
  }

  /** A new frame of a scope in this one. */
  open(scope: number): CompiledFrame {
    return new CompiledFrame(this.#unit, scope, this.#part(true, scope));
  }

  /** A new instance of a function in this one. */
  make(code: number): CompiledFunction {
    const member = this.#unit.members[code];
    if (member === undefined) throw new RangeError(`The unit has no function ${code}`);
    return new CompiledFunction(this.#part(false, code), member);
  }
}

/** A unit that has been compiled. */
export class CompiledUnit {
  readonly #unit: CodeUnit;
  readonly #layout: CodeLayout;
  readonly #isUsed: (code: number) => boolean;
  /** What stands in each scope, in the order of the text. */
  readonly items: Map<number, readonly Item[]> = new Map();
  /** By the number of the code. */
  readonly members: FactoryMember[] = [];
  /** What stands in no scope. */
  readonly outermost: CompiledFrame;

  /**
   * @param isUsed - Whether a function of the unit is wanted now, by its number.
   * @param moduleKey - Of the module whose variables are in the unit's first scope, or are slots of its functions.
   */
  constructor(unit: CodeUnit, isUsed: (code: number) => boolean, moduleKey: string | undefined) {
    this.#unit = unit;
    this.#isUsed = isUsed;
    this.#layout = new CodeLayout(unit.codes);
    this.#layout.add(`(function(${FACTORY_VARIABLE}){var ${FRAME_VARIABLE},${HOLDER};return[${setter([])},`);
    this.#writeItems(-1);
    this.#layout.add("]})");
    const { text: source, startLine, startColumn, shifts } = this.#layout;
    const { url } = unit;
    const script = {
      scriptId: "",
      url,
      isModule: false,
      startLine,
      startColumn,
      sourceMapUrl: sourceMapUrlOf(url),
      source,
    };
    const moduleNames = new Set(unit.key === undefined ? [] : unit.scopes[0]?.names);
    const factory: Factory = { members: this.members, script, module: moduleKey, moduleNames };
    registerFactory(factory);
    const shownUrl = shifts.length === 0 ? url : movedUrl(url, shifts);
    const evaluate = compile(source, shownUrl, startLine, startColumn) as (factory: Factory) => readonly unknown[];
    this.outermost = new CompiledFrame(this, -1, () => evaluate(factory));
  }

  #itemsIn(scope: number): Item[] {
    const { codes, scopes } = this.#unit;
    const items: Item[] = [];
    for (const [number, code] of codes.entries()) {
      if (code.scope === scope) items.push({ isScope: false, number, codes: [code], isUsed: this.#isUsed(number) });
    }
    for (const [number, { parent }] of scopes.entries()) {
      if (parent !== scope) continue;
      const inside = this.#itemsIn(number);
      const isUsed = inside.some((item) => item.isUsed);
      items.push({ isScope: true, number, codes: inside.flatMap((item) => item.codes), isUsed });
    }
    return items;
  }

  #writeItems(scope: number): void {
    const items = inOrder(this.#itemsIn(scope));
    this.items.set(scope, items);
    for (const item of items) {
      if (item.isScope) this.#writeScope(item.number);
      else this.#writeFunction(item.number);
      this.#layout.add(",");
    }
  }

  #writeScope(number: number): void {
    const names = this.#unit.scopes[number]?.names ?? [];
    this.#layout.add(`function(${FRAME_VARIABLE}){${declare([...names, HOLDER])}return[${setter(names)},`);
    this.#writeItems(number);
    this.#layout.add("]}");
  }

  #writeFunction(number: number): void {
    const code = this.#unit.codes[number] as FunctionCode;
    const [prefix, suffix] = wrap(code);
    this.#layout.add(prefix);
    const [start, end] = this.#layout.addSource(code);
    this.#layout.add(suffix);
    const { line, column, isStrict, declaredName } = code;
    const slots = new Set(slotsOf(code));
    const constants = new Set(slots);
    if (code.form === "declaration" && declaredName !== undefined) constants.delete(declaredName);
    const origin = { url: this.#unit.url, line, column };
    const ofModule = new Set(code.ofModule);
    this.members[number] = { start, end, origin, isStrict, externals: new Map(), slots, constants, ofModule };
  }
}
