/**
 * Reads the `this` that an arrow function has from the function around it, and the name that a function expression
 * around has for itself.
 *
 *     call ─▶ breakpoint before the first statement ─▶ its condition: take(this), terminate ─▶ ended; nothing of it has run
 *
 * The inspector lists every variable that a function captures, save these: only code inside of the function sees them.
 * So the function is called, and V8 ends the call before the first statement. The condition of a breakpoint hands
 * `this` over and asks for the termination, which `Runtime.evaluate` contains. Nothing pauses: a debugger of the
 * user's sees nothing of it.
 *
 * What does not work: evaluation without side effects (it can't hand anything over); a heap snapshot (it knows `this`,
 * but takes 230 ms in an empty program); `Debugger.paused` in place of the condition (it stops in the user's debugger
 * as well).
 *
 * Initialisers of parameters run before the breakpoint (`setBreakpointOnFunctionCall` would take one of theirs for the
 * function's first), so each parameter gets a value. Computed keys in patterns would run even so: such functions are
 * not called.
 */

import inspector from "node:inspector";

import type { Variable } from "eslint-scope";

import type { CapturedScope } from "./function-inspector.js";
import type { FunctionInspector } from "./function-inspector.js";
import type { InspectorPort } from "./function-inspector.js";
import type { Origin } from "./find-origin.js";
import type { ScriptSource } from "./script-source.js";
import { endOf } from "./syntax-tree.js";
import { startOf } from "./syntax-tree.js";
import { isClassNode } from "./syntax-tree.js";
import type { SyntaxNode } from "./syntax-tree.js";
import { walk } from "./syntax-tree.js";

const CALL_KEY = Symbol.for("asynccpu.inspector.call");
const CALL_EXPRESSION = `process.getBuiltinModule("node:inspector")[Symbol.for("asynccpu.inspector.call")]()`;

type AnyFunction = (...args: never[]) => unknown;

interface Found {
  readonly value: unknown;
}

/**
 * A global of the function's own realm (Jest's is another) for the time of the call; its variables may hide any usual
 * name.
 */
const TAKE_NAME = "$asynccpu_take_this$";

/** The longest array pattern among parameters that gets a value for each of its items. */
const MAX_PATTERN_ITEMS = 64;

/** The first statement has fewer places. */
const MAX_BREAKPOINTS = 100;

const readBefore = new WeakMap<object, Map<string, Found>>();

/** Where the body of a function stands in its script, as the inspector counts. */
interface FunctionBody {
  readonly scriptId: string;
  readonly start: { readonly line: number; readonly column: number };
  readonly end: { readonly line: number; readonly column: number };
  readonly parameterCount: number;
}

/** Whether a call with values for all parameters runs nothing of the user's before the first statement. */
function areParametersSafe(parameters: readonly SyntaxNode[]): boolean {
  let isSafe = true;
  for (const parameter of parameters) {
    walk(parameter, (node, parent) => {
      if (node.type === "Property" && node.computed) isSafe = false;
      if (node.type === "ArrayPattern" && node.elements.length > MAX_PATTERN_ITEMS) isSafe = false;
      // An initialiser is not run.
      return parent?.type !== "AssignmentPattern" || parent.left === node;
    });
  }
  return isSafe;
}

/**
 * Whether a class in the body has static parts: they run in a function of their own, where no breakpoint of the body's
 * can be.
 */
function hasStaticParts(body: SyntaxNode): boolean {
  let isFound = false;
  walk(body, (node) => {
    if (node.type === "StaticBlock" || (node.type === "PropertyDefinition" && node.static)) isFound = true;
    return !/Function/.test(node.type);
  });
  return isFound;
}

/** The body of a function in which something can be read without running anything of it; undefined for any other. */
function bodyOf(script: ScriptSource, node: SyntaxNode, scriptId: string): FunctionBody | undefined {
  // A class can't be called, and a call of a generator function does not reach its body.
  if (isClassNode(node) || !("params" in node) || node.generator === true) return undefined;
  if (!areParametersSafe(node.params) || hasStaticParts(node.body)) return undefined;
  const start = script.position(startOf(node.body));
  return { scriptId, start, end: script.position(endOf(node)), parameterCount: node.params.length };
}

/** The global object of the realm that a function was made in. */
function globalOf(fn: object): object {
  const prototypes: object[] = [fn];
  for (let each = Object.getPrototypeOf(fn) as object | null; each !== null;) {
    prototypes.push(each);
    each = Object.getPrototypeOf(each) as object | null;
  }
  // Functions of every kind inherit from Function.prototype, and that from Object.prototype.
  const prototype = prototypes.at(-2);
  if (prototype === undefined || prototype === Function.prototype) return globalThis;
  const createFunction = prototype.constructor as (code: string) => () => object;
  return createFunction("return globalThis")();
}

/** A value that every pattern can take apart, into values of the same kind. */
function createDummy(): unknown {
  const items = function* (): Generator {
    for (let index = 0; index <= MAX_PATTERN_ITEMS; index++) yield dummy;
  };
  const dummy: unknown = new Proxy({}, { get: (_, key) => (key === Symbol.iterator ? items : dummy) });
  return dummy;
}

function call(port: InspectorPort, fn: AnyFunction, parameterCount: number): void {
  const args = Array.from({ length: parameterCount }, createDummy) as never[];
  const host = inspector as unknown as Record<symbol, unknown>;
  host[CALL_KEY] = () => fn(...args);
  try {
    port.evaluate(CALL_EXPRESSION);
  } finally {
    delete host[CALL_KEY];
  }
}

/**
 * Sets breakpoints wherever the body may begin, whose condition takes what is to be read.
 *
 * The first by position is not always the first that is reached: of `for (const a of b())`, that is `b()`. A
 * `debugger` statement can't have one, and does nothing of the program's.
 */
function setBreakpoints(port: InspectorPort, { scriptId, start, end }: FunctionBody, name: string): string[] {
  const { locations } = port.post("Debugger.getPossibleBreakpoints", {
    start: { scriptId, lineNumber: start.line, columnNumber: start.column },
    end: { scriptId, lineNumber: end.line, columnNumber: end.column },
    restrictToFunction: true,
  }) as { locations: readonly { readonly type?: string }[] };
  const condition = `${TAKE_NAME}(${name}), false`;
  const usable = locations.filter(({ type }) => type !== "debuggerStatement").slice(0, MAX_BREAKPOINTS);
  return usable.map((location) => {
    return (port.post("Debugger.setBreakpoint", { location, condition }) as { breakpointId: string }).breakpointId;
  });
}

function read(port: InspectorPort, fn: AnyFunction, body: FunctionBody, name: string): Found | undefined {
  let taken: Found | undefined;
  const take = (value: unknown): void => {
    taken = { value };
    port.post("Runtime.terminateExecution", {});
  };
  const breakpointIds = setBreakpoints(port, body, name);
  if (breakpointIds.length === 0) return undefined;
  try {
    const realm = globalOf(fn);
    Object.defineProperty(realm, TAKE_NAME, { value: take, configurable: true });
    try {
      call(port, fn, body.parameterCount);
    } finally {
      Reflect.deleteProperty(realm, TAKE_NAME);
    }
  } finally {
    for (const breakpointId of breakpointIds) port.post("Debugger.removeBreakpoint", { breakpointId });
  }
  return taken;
}

/**
 * Reads what only code inside of a function sees; remembered, as it never changes.
 *
 * @param name - `this` of an arrow function, or the name of a function expression around.
 * @returns undefined when it can't be read.
 */
export function readInside(
  inspector: FunctionInspector,
  fn: AnyFunction,
  { script, found }: Origin,
  name: string,
): Found | undefined {
  const known = readBefore.get(fn)?.get(name);
  if (known !== undefined) return known;
  const { location } = inspector.inspect(fn);
  const body = location && bodyOf(script, found.node, location.scriptId);
  const value = body && inspector.withDebugger((port) => read(port, fn, body, name));
  if (value !== undefined) readBefore.set(fn, new Map(readBefore.get(fn)).set(name, value));
  return value;
}

/** The names that function expressions around a function have for themselves, as a scope: V8 lists them in none. */
export function namesAround(
  inspector: FunctionInspector,
  fn: AnyFunction,
  origin: Origin,
  free: readonly { readonly name: string; readonly variable: Variable | null }[],
): CapturedScope {
  const variables = Object.create(null) as Record<string, unknown>;
  for (const { name, variable } of free) {
    const isOfFunction = variable?.scope.type === "function-expression-name";
    const found = isOfFunction ? readInside(inspector, fn, origin, name) : undefined;
    if (found !== undefined) variables[name] = found.value;
  }
  return { isModule: false, variables };
}
