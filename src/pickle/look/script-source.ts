/**
 * One script, parsed and its scopes analysed, once in the life of the process.
 *
 * The text is what V8 runs (so after TypeScript, tsx or vitest had their turn), which is why positions from the
 * inspector and `toString()` agree with it.
 */

import type { Reference } from "eslint-scope";
import type { Scope } from "eslint-scope";
import type { Variable } from "eslint-scope";
import type { Identifier } from "estree";
import type { Program } from "estree";

import type { ScriptInfo } from "./scripts.js";
import type { Factory } from "./factory-registry.js";
import { RecentValues } from "./recent-values.js";
import { endOf } from "./syntax-tree.js";
import { loadAnalyzer } from "./syntax-tools.js";
import { loadParser } from "./syntax-tools.js";
import { startOf } from "./syntax-tree.js";
import type { SyntaxNode } from "./syntax-tree.js";
import { walk } from "./syntax-tree.js";
import { performance } from "../../system/timers.js";

/** A function or class found in a script, with the text that `toString()` gives for it. */
export interface FoundFunction {
  /** The function or class itself. */
  readonly node: SyntaxNode;
  /** The method, property or declaration that `toString()` shows; the node itself for all others. */
  readonly outer: SyntaxNode;
  readonly start: number;
  readonly end: number;
}

/** One use of a name. */
export type NameUse = Omit<Reference, "identifier"> & { readonly identifier: Identifier };

const FUNCTION_TYPES: ReadonlySet<string> = new Set([
  "FunctionDeclaration",
  "FunctionExpression",
  "ArrowFunctionExpression",
  "ClassDeclaration",
  "ClassExpression",
]);

function parseScript(source: string, isModule: boolean): Program {
  const options = {
    ecmaVersion: "latest",
    ranges: true,
    allowReturnOutsideFunction: !isModule,
    allowAwaitOutsideFunction: isModule,
    sourceType: isModule ? "module" : "script",
  } as const;
  return loadParser().parse(source, options) as unknown as Program;
}

/** Whether `toString()` of this function starts at the property or method around it. */
function isMethodLike(parent: SyntaxNode | undefined, node: SyntaxNode): boolean {
  if (parent?.type === "MethodDefinition") return parent.value === node;
  return parent?.type === "Property" && parent.value === node && (parent.method || parent.kind !== "init");
}

/** Where the text of a method begins; `static` does not belong to it. */
export function methodStart(source: string, method: SyntaxNode): number {
  const start = startOf(method);
  if (method.type !== "MethodDefinition" || !method.static) return start;
  const rest = source.slice(start + "static".length, endOf(method));
  return start + "static".length + (/^(?:\s|\/\/.*|\/\*[^]*?\*\/)*/.exec(rest)?.[0].length ?? 0);
}

/** A parsed script. */
export class ScriptSource {
  readonly info: ScriptInfo;
  readonly program: Program;
  /** Every use of a name in the script, by position. */
  readonly references: readonly NameUse[];
  readonly parents: ReadonlyMap<SyntaxNode, SyntaxNode>;
  readonly functions: readonly FoundFunction[];
  readonly importMetas: readonly SyntaxNode[];
  /** Set when the script was compiled by unpickling: its variables then have a history of their own. */
  readonly factory: Factory | undefined;
  readonly #scopes: readonly Scope[];
  readonly #lineStarts: number[] = [0];
  #variables: Map<string, Variable[]> | undefined;
  #found: ReadonlyMap<SyntaxNode, FoundFunction> | undefined;
  readonly #strictStarts: readonly [start: number, end: number][];

  constructor(info: ScriptInfo, factory?: Factory) {
    this.info = info;
    this.program = parseScript(info.source, info.isModule);
    this.factory = factory;
    for (const { index, 0: terminator } of info.source.matchAll(/\r\n|[\n\r\u2028\u2029]/g)) {
      this.#lineStarts.push(index + terminator.length);
    }
    const manager = loadAnalyzer().analyze(this.program, {
      ecmaVersion: 2022,
      sourceType: info.isModule ? "module" : "commonjs",
      ignoreEval: true,
    });
    this.#scopes = manager.scopes;
    this.references = manager.scopes
      .flatMap(({ references }) => references as unknown as NameUse[])
      .toSorted((a, b) => startOf(a.identifier) - startOf(b.identifier));
    this.#strictStarts = manager.scopes
      .filter(({ isStrict }) => isStrict)
      .map(({ block }) => [startOf(block), endOf(block)] as const)
      .map(([start, end]) => [start, end]);

    const parents = new Map<SyntaxNode, SyntaxNode>();
    const functions: FoundFunction[] = [];
    const importMetas: SyntaxNode[] = [];
    walk(this.program, (node, parent) => {
      if (parent !== undefined) parents.set(node, parent);
      if (node.type === "MetaProperty" && node.meta.name === "import") importMetas.push(node);
      if (FUNCTION_TYPES.has(node.type)) {
        const outer = parent !== undefined && isMethodLike(parent, node) ? parent : node;
        functions.push({ node, outer, start: methodStart(info.source, outer), end: endOf(node) });
      }
      return true;
    });
    this.parents = parents;
    this.functions = functions;
    this.importMetas = importMetas;
  }

  /** URL of the file that the script came from. */
  get url(): string {
    return this.info.url;
  }

  /** Whether the code around this range is strict, before the range's own "use strict". */
  isStrictAround(start: number, end: number): boolean {
    return this.#strictStarts.some(([from, to]) => from <= start && end <= to && (from < start || end < to));
  }

  /** Line and column in the file, counted from 0, of an offset in the script. */
  position(offset: number): { line: number; column: number } {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const column = offset - (this.#lineStarts[low] ?? 0);
    return { line: low + this.info.startLine, column: low === 0 ? column + this.info.startColumn : column };
  }

  /** The inverse of {@link position}. */
  #offset(line: number, column: number): number {
    const index = line - this.info.startLine;
    return (this.#lineStarts[index] ?? 0) + (index === 0 ? column - this.info.startColumn : column);
  }

  /**
   * Finds a function by what V8 says of it.
   *
   * @param text - what `Function.prototype.toString` gives.
   */
  findFunction(text: string, line: number, column: number): FoundFunction | undefined {
    const offset = this.#offset(line, column);
    // V8 points at the parameters (of a class, at the class or its constructor), so the innermost function around that
    // place with the right text is the one.
    return this.functions.findLast(
      ({ start, end }) =>
        start <= offset && offset < end && end - start === text.length && this.info.source.startsWith(text, start),
    );
  }

  /** The function that a piece of syntax is. */
  functionAt(node: SyntaxNode): FoundFunction | undefined {
    this.#found ??= new Map(this.functions.map((each) => [each.node, each]));
    return this.#found.get(node);
  }

  /** The variables of a name, outermost scopes first. */
  variablesNamed(name: string): readonly Variable[] {
    if (this.#variables === undefined) {
      this.#variables = new Map();
      for (const variable of this.#scopes.flatMap(({ variables }) => variables)) {
        const ofName = this.#variables.get(variable.name) ?? [];
        this.#variables.set(variable.name, ofName);
        ofName.push(variable);
      }
    }
    return this.#variables.get(name) ?? [];
  }

  /** The references within a range, by position. */
  referencesIn(start: number, end: number): NameUse[] {
    let low = 0;
    let high = this.references.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const at = this.references[middle];
      if (at !== undefined && startOf(at.identifier) < start) low = middle + 1;
      else high = middle;
    }
    const found: NameUse[] = [];
    for (let index = low; index < this.references.length; index++) {
      const reference = this.references[index];
      if (reference === undefined || startOf(reference.identifier) >= end) break;
      found.push(reference);
    }
    return found;
  }
}

/**
 * How long a parsed script is kept after its last use: in milliseconds at least, and in multiples of the time that it
 * took. A tree takes 150 times the memory of its text; and a megabyte of text, some 0.8 s, which must not come again
 * and again.
 */
const KEPT_MS = 5000;
const KEPT_FACTOR = 100;

const parsed = new RecentValues<string, ScriptSource>();
const parsedFactories = new WeakMap<Factory, ScriptSource>();

/** Parses a script, or finds it already parsed. Throws a SyntaxError where acorn can't read what V8 could. */
export function scriptSource(info: ScriptInfo): ScriptSource {
  const known = parsed.get(info.scriptId);
  if (known !== undefined) return known;
  const startMs = performance.now();
  const script = new ScriptSource(info);
  parsed.set(info.scriptId, script, Math.max(KEPT_MS, (performance.now() - startMs) * KEPT_FACTOR));
  return script;
}

/** Parses code that was compiled by unpickling; it is forgotten together with its functions. */
export function factorySource(factory: Factory): ScriptSource {
  const script = parsedFactories.get(factory) ?? new ScriptSource(factory.script, factory);
  parsedFactories.set(factory, script);
  return script;
}
