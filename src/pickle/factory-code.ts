/**
 * Writes and compiles the code that gives unpickled functions their variables.
 *
 *     function(){"use strict";var a,b;return[function($){a=$[0];b=$[1]},function(){return(SOURCE)}]}
 *                               │              │                        └ evaluated once: at once for a function,
 *                               │              └ sets the variables, as often as needed     when ready for a class
 *                               └ `var`, as `let` would be checked for initialisation at every use
 *
 * Functions that share variables stand in one such function together. Each source keeps its line and column, so that
 * stacks show the original position. What does not work: `with (variables)`, which would allow one compilation
 * for each function and yet shared variables, but makes every access slow and passes itself as `this` of calls.
 */

import { Script } from "node:vm";
import { constants } from "node:vm";

import { FACTORY_VARIABLE } from "./factory-registry.js";
import type { Factory } from "./factory-registry.js";
import type { FactoryMember } from "./factory-registry.js";
import { registerFactory } from "./factory-registry.js";
import type { CapturedVariable } from "./graph-format.js";
import type { FunctionNode } from "./graph-format.js";
import { sourceMapUrlOf } from "./source-maps.js";
import { unmappedUrl } from "./source-maps.js";

/** One function, compiled but not yet evaluated. */
export interface CompiledFunction {
  /** Sets the function's own captured variables, in the order of its node. */
  readonly setVariables: (values: readonly unknown[]) => void;
  /** Evaluates the source; for a method or accessor, to an object that has it as its only property. */
  readonly evaluate: () => unknown;
}

export interface CompiledGroup {
  readonly setShared: (values: readonly unknown[]) => void;
  readonly functions: readonly CompiledFunction[];
}

type SetVariables = CompiledFunction["setVariables"];
type Evaluate = (factory: Factory) => readonly unknown[];
type Wrapper = () => readonly [SetVariables, CompiledFunction["evaluate"]];

const PARAMETER = "$asynccpu$";

function declare(names: readonly string[]): string {
  return names.length === 0 ? "" : `var ${names.join(",")};`;
}

function setter(names: readonly string[]): string {
  const assignments = names.map((name, index) => `${name}=${PARAMETER}[${index}]`);
  // Mentioned, the factory's variable stays in the scope of all functions beside this one.
  return `function(${PARAMETER}){${[FACTORY_VARIABLE, ...assignments].join(";")}}`;
}

function wrap(node: FunctionNode): [prefix: string, suffix: string] {
  const names = node.variables.map(({ name }) => name);
  const start = `function(){${node.isStrict ? '"use strict";' : ""}`;
  if (node.form === "declaration") {
    // The declaration itself is the variable, so that its body and the setter mean the same one.
    const own = node.declaredName ?? "";
    const others = declare(names.filter((name) => name !== own));
    return [`${start}${others}return[${setter(names)},function(s){return function(){return s}}(${own})];`, "}"];
  }
  const [open, close] = node.form === "expression" ? ["(", ")"] : ["({", "})"];
  return [`${start}${declare(names)}return[${setter(names)},function(){return${open}`, `${close}}]}`];
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

/** Text that grows, and knows where its end will be shown. */
class Layout {
  text: string;
  line: number;
  /** Whether every source stands where it stood in its file. */
  isInPlace = true;
  readonly #column: number;
  #lineStart = 0;

  constructor(head: string, node: FunctionNode, prefix: string) {
    this.text = head;
    this.line = node.line;
    this.#column = node.column - head.length - prefix.length;
  }

  get startColumn(): number {
    return this.#column;
  }

  /** Adds a source after its prefix, at its own position where that is still ahead. */
  add(prefix: string, source: string, line: number, column: number): [start: number, end: number] {
    this.text += prefix;
    if (line > this.line) {
      this.text += "\n".repeat(line - this.line);
      this.#lineStart = this.text.length;
      this.text += " ".repeat(Math.max(0, column));
      this.line = line;
    }
    const start = this.text.length;
    const indent = this.#lineStart === 0 ? this.#column : 0;
    if (line !== this.line || column !== start - this.#lineStart + indent) this.isInPlace = false;
    this.text += source;
    for (const { index, 0: terminator } of source.matchAll(/\r\n|[\n\r\u2028\u2029]/g)) {
      this.line += 1;
      this.#lineStart = start + index + terminator.length;
    }
    return [start, this.text.length];
  }
}

/**
 * Compiles functions of one script that share variables; or a single one, that shares none.
 *
 * @param describe - what the registry must know of a function, its place in the code excepted.
 */
export function compileFunctions(
  nodes: readonly FunctionNode[],
  shared: readonly CapturedVariable[],
  describe: (
    node: FunctionNode,
    shared: readonly CapturedVariable[],
  ) => Omit<FactoryMember, "start" | "end" | "origin">,
): CompiledGroup {
  const order = nodes.map((_, index) => index);
  const at = (index: number): FunctionNode => nodes[index] as FunctionNode;
  order.sort((a, b) => at(a).line - at(b).line || at(a).column - at(b).column);
  const sharedNames = shared.map(({ name }) => name);
  const head = `(function(${FACTORY_VARIABLE}){${declare(sharedNames)}return[${setter(sharedNames)},`;
  const first = at(order[0] ?? 0);
  const layout = new Layout(head, first, wrap(first)[0]);
  const members: FactoryMember[] = [];
  for (const index of order) {
    const node = at(index);
    const [prefix, suffix] = wrap(node);
    const [start, end] = layout.add(prefix, node.source, node.line, node.column);
    layout.text += `${suffix},`;
    const { url, line, column } = node;
    members.push({ ...describe(node, shared), start, end, origin: { url, line, column } });
  }
  layout.text += "]})";
  const url = layout.isInPlace ? first.url : unmappedUrl(first.url);
  const script = {
    scriptId: "",
    url,
    isModule: false,
    startLine: first.line,
    startColumn: layout.startColumn,
    sourceMapUrl: sourceMapUrlOf(url),
    source: layout.text,
  };
  const factory: Factory = { members, script };
  registerFactory(factory);
  const evaluate = compile(script.source, script.url, script.startLine, script.startColumn) as Evaluate;
  const [setShared, ...wrappers] = evaluate(factory);
  const functions: CompiledFunction[] = [];
  for (const [place, index] of order.entries()) {
    const [setVariables, evaluate] = (wrappers[place] as Wrapper)();
    functions[index] = { setVariables, evaluate };
  }
  return { setShared: setShared as SetVariables, functions };
}
