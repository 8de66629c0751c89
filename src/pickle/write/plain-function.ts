/**
 * Writes functions whose text says all: those that use nothing from around them but what every process has.
 *
 *     executor.submit((n) => Math.sqrt(n), 2)        standard globals, parameters and members: the text says all
 *     executor.submit((n) => factorial(n), 2)        `factorial` is a variable around it: the whole look
 *
 * Such a function needs neither a parser nor the debugger, which take most of the time of a program's first
 * submission. Words are compared, not names: one in a comment counts as well. Whatever leaves a doubt takes the whole
 * look, so this has no case of its own for anything that is rare.
 *
 * Only for a task's own function: a worker makes this one for itself, and nothing else there can hold it.
 */

import { types } from "node:util";

import { classNameOf } from "../../values/classes/class-registry.js";
import { externalOf } from "../refer/provenance.js";
import { FACTORY_VARIABLE } from "../look/factory-registry.js";
import type { FunctionCode } from "../graph/format.js";
import type { FunctionLocation } from "../look/function-inspector.js";
import type { FunctionInspector } from "../look/function-inspector.js";
import type { FunctionNode } from "../graph/format.js";
import type { GraphWriter } from "./graph-writer.js";
import { hasOwnProperties } from "../look/function-properties.js";
import { hasUsualPrototype } from "../look/function-properties.js";
import { isInspectorForbidden } from "../look/function-inspector.js";
import { isMapWanted } from "../look/source-maps.js";
import { isParentOfFunctions } from "../look/function-properties.js";
import { isStandardGlobal } from "../refer/known-values.js";
import { mayBeExported } from "../refer/find-export.js";
import { mayHaveSideImports } from "../refer/side-imports.js";
import { moduleKeyOf } from "../look/module-scope.js";
import type { PickleGraph } from "../graph/format.js";
import type { ScriptInfo } from "../look/scripts.js";
import type { AnyFunction } from "../../values/classes/value-writer.js";

const WORD = /[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/gu;

/** What begins the text of an arrow function or of a function that is none; with default values there is more. */
const ARROW = /^(?:async\b\s*)?(?:\(([\w$,\s.]*)\)|([\w$]+))\s*=>/;
const FUNCTION = /^(?:async[ \t]+)?function[ \t]*\*?[ \t]*[\w$]*[ \t]*\(([\w$,\s.]*)\)/;

/** Words that stand for nothing. */
const KEYWORDS: ReadonlySet<string> = new Set(
  (
    "async await break case catch const continue debugger default delete do else false finally for function if in " +
    "instanceof let new null of return static switch throw true try typeof var void while yield"
  ).split(" "),
);

/** Words that need the whole look, wherever they stand: some mean what is around the function. */
const WHOLE_LOOK: ReadonlySet<string> = new Set(["class", "eval", "import", "super", "target", "with"]);
const OF_FUNCTIONS_AROUND: ReadonlySet<string> = new Set(["this", "arguments"]);

/** A name that a function expression or a class has for itself is in no scope that V8 lists. */
const OWN_NAME = /\b(?:function|class)\b[\s*]*([\w$]+)/g;
const COMMENT_BEFORE_NAME = /\b(?:function|class)\s*\*?\s*\//;

// Each comment can be read in one way only: with two, a file that begins with some comments takes for ever.
const STRICT_FROM_THE_START =
  /^(?:#!.*)?(?:\s|\/\/.*(?=[\n\r\u2028\u2029]|$)|\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\/)*(["'])use strict\1\s*(?:;|[\r\n])/;

/** What the text of a script tells, once for all its functions. */
interface ScriptFacts {
  /** Whether the code around every function is strict. */
  readonly isStrict: boolean;
  /** Names that functions and classes have. */
  readonly ownNames: ReadonlySet<string | undefined>;
  readonly lineStarts: readonly number[];
}

const knownFacts = new WeakMap<ScriptInfo, ScriptFacts | undefined>();

/** Whether the code around every function is strict; undefined where only a parser can tell. */
function isStrictIn({ isModule, source }: ScriptInfo): boolean | undefined {
  if (isModule || STRICT_FROM_THE_START.test(source)) return true;
  // Code that is not strict can add variables to a scope, and be strict in parts.
  return /\b(?:class|eval|use strict)\b|\bwith\s*[(/]/.test(source) ? undefined : false;
}

function readFacts(script: ScriptInfo): ScriptFacts | undefined {
  const { source, startLine, startColumn } = script;
  const isStrict = isStrictIn(script);
  if (isStrict === undefined || startLine !== 0 || startColumn !== 0) return undefined;
  if (COMMENT_BEFORE_NAME.test(source) || mayHaveSideImports(script)) return undefined;
  const lineEnds = source.matchAll(/\r\n|[\n\r\u2028\u2029]/g);
  return {
    isStrict,
    ownNames: new Set(Array.from(source.matchAll(OWN_NAME), ([, name]) => name)),
    lineStarts: [0, ...Array.from(lineEnds, ({ index, 0: end }) => index + end.length)],
  };
}

/** The facts of a script; undefined for one whose functions need the whole look. */
function factsOf(script: ScriptInfo): ScriptFacts | undefined {
  if (!knownFacts.has(script)) knownFacts.set(script, readFacts(script));
  return knownFacts.get(script);
}

/** The column that the text of a function begins at: for some kinds, V8 tells where the parameters are. */
function startColumnOf(
  text: string,
  source: string,
  lineStarts: readonly number[],
  { line, column }: FunctionLocation,
): number | undefined {
  const lineStart = lineStarts[line] ?? source.length;
  const heads = [0, text.indexOf("("), /^async\s*/.exec(text)?.[0].length ?? 0];
  const starts = heads.map((head) => column - head);
  return starts.find((start) => start >= 0 && source.startsWith(text, lineStart + start));
}

/** Whether the program has left a function as its text makes it. */
function isAsMade(fn: AnyFunction): boolean {
  const parent: unknown = Object.getPrototypeOf(fn);
  // One of another realm has other globals.
  if (!Function.prototype.isPrototypeOf(fn) || !isParentOfFunctions(parent)) return false;
  if (hasOwnProperties(fn) || classNameOf(fn) !== undefined) return false;
  const prototype: unknown = Object.getOwnPropertyDescriptor(fn, "prototype")?.value;
  if (typeof prototype !== "object" || prototype === null) return prototype === undefined;
  const keys = Reflect.ownKeys(prototype);
  const isOfGenerator = keys.length === 0;
  const isUsual = keys.length === 1 && (prototype as { constructor?: unknown }).constructor === fn;
  return isOfGenerator || (isUsual && hasUsualPrototype(fn, prototype, { kind: "none" }));
}

/** The words of a text that nothing declares, as far as is seen; undefined where one of them needs the whole look. */
function undeclaredWords(
  text: string,
  scopes: readonly { readonly variables: object }[],
  ownNames: ReadonlySet<string | undefined>,
): ReadonlySet<string> | undefined {
  const arrow = ARROW.exec(text);
  const head = arrow ?? FUNCTION.exec(text);
  if (head === null) return undefined;
  const parameters = new Set((head[1] ?? head[2] ?? "").match(WORD));
  const body = text.slice(head[0].length);
  const isSpecial = (word: string): boolean =>
    WHOLE_LOOK.has(word) || (arrow !== null && OF_FUNCTIONS_AROUND.has(word));
  const found = new Set<string>();
  for (const { 0: word, index } of body.matchAll(WORD)) {
    if (isSpecial(word)) return undefined;
    const isMember = body[index - 1] === "." && body[index - 2] !== ".";
    if (isMember || parameters.has(word)) continue;
    if (scopes.some(({ variables }) => word in variables)) return undefined;
    if (ownNames.has(word)) return undefined;
    if (KEYWORDS.has(word) || isStandardGlobal(word)) continue;
    if (Object.hasOwn(globalThis, word)) return undefined;
    found.add(word);
  }
  return found;
}

/** What a function has in the graph beside nodes. */
export type WrittenFunction = Pick<PickleGraph, "root" | "modules" | "units" | "frames">;

/** What is known of a function whose text says all. */
interface PlainFunction {
  readonly script: ScriptInfo;
  readonly code: FunctionCode;
  /** Names that nothing declares. */
  readonly words: ReadonlySet<string>;
}

/** Looks at a function and its script; undefined for a function that needs the whole look. */
function readPlainFunction(fn: AnyFunction, text: string, inspector: FunctionInspector): PlainFunction | undefined {
  const { location, scopes, bound } = inspector.inspect(fn);
  if (location === undefined || bound !== undefined) return undefined;
  if (scopes.some(({ variables }) => FACTORY_VARIABLE in variables)) return undefined;
  const script = inspector.scriptInFile(location.scriptId, scopes);
  const facts = script && factsOf(script);
  if (script === undefined || facts === undefined) return undefined;
  const words = undeclaredWords(text, scopes, facts.ownNames);
  if (words === undefined || mayBeExported(fn, scopes, script)) return undefined;
  const column = startColumnOf(text, script.source, facts.lineStarts, location);
  if (column === undefined) return undefined;
  const place = { line: location.line, column };
  const slots = { fixed: [], ofModule: [], local: [] };
  const code: FunctionCode = {
    source: text,
    form: "expression",
    isStrict: facts.isStrict,
    ...place,
    ...slots,
    scope: -1,
  };
  return { script, code, words };
}

/** Writes a function whose text says all; undefined for a function that needs the whole look. */
export function writePlainFunction(
  fn: AnyFunction,
  writer: GraphWriter,
  inspector: FunctionInspector,
): WrittenFunction | undefined {
  if (types.isProxy(fn) || externalOf(fn) !== undefined || !isAsMade(fn)) return undefined;
  const text = Function.prototype.toString.call(fn);
  // A private name, or an identifier that is written in another way than it is spelt; what every process has.
  if (/#|\\u|\[native code\]/.test(text) || isInspectorForbidden()) return undefined;
  const plain = readPlainFunction(fn, text, inspector);
  if (plain === undefined) return undefined;
  const { script, code, words } = plain;
  const { url, sourceMapUrl } = script;
  const name: unknown = Object.getOwnPropertyDescriptor(fn, "name")?.value;
  const node: FunctionNode = {
    kind: "function",
    isClass: false,
    name: typeof name === "string" ? name : undefined,
    variables: [],
    unit: 0,
    code: 0,
    module: 0,
  };
  const root = writer.add(fn, node);
  writer.held.add(fn, false);
  for (const word of words) writer.held.addUndeclared(word);
  if (isMapWanted(url, sourceMapUrl)) writer.sourceMapUrls.set(url, sourceMapUrl);
  const key = moduleKeyOf({ factory: undefined, info: script, url }) ?? "";
  return {
    root,
    modules: [{ key, entries: [] }],
    units: [{ url, module: 0, scopes: [], codes: [code] }],
    frames: [],
  };
}
