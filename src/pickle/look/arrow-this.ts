/**
 * Reads the `this` that an arrow function has from the function around it.
 *
 *     call ─▶ breakpoint before the first statement ─▶ its condition: take(this), terminate ─▶ ended; nothing of it has run
 *
 * The inspector lists every variable that a function captures, save this one: only code inside of the function sees it. So
 * the function is called, and V8 ends the call before the first statement. The condition of a breakpoint hands `this` over and asks for
 * the termination, which `Runtime.evaluate` contains. Nothing pauses: a debugger of the user's sees nothing of it.
 *
 * What does not work: evaluation without side effects (it can't hand anything over); a heap snapshot (it knows `this`, but takes
 * 230 ms in an empty program); `Debugger.paused` in place of the condition (it stops in the user's debugger as well).
 *
 * Initialisers of parameters run before the breakpoint (`setBreakpointOnFunctionCall` would take one of theirs for the function's
 * first), so each parameter gets a value. Computed keys in patterns would run even so: such functions are not called.
 */

import inspector from "node:inspector";

import type { InspectorPort } from "./function-inspector.js";
import type { ScriptSource } from "./script-source.js";
import { endOf } from "./syntax-tree.js";
import { startOf } from "./syntax-tree.js";
import type { SyntaxNode } from "./syntax-tree.js";
import { walk } from "./syntax-tree.js";

const CALL_KEY = Symbol.for("asynccpu.inspector.call");
const CALL_EXPRESSION = `process.getBuiltinModule("node:inspector")[Symbol.for("asynccpu.inspector.call")]()`;

/** A global of the function's own realm (Jest's is another) for the time of the call; its variables may hide any usual name. */
const TAKE_NAME = "$asynccpu_take_this$";

/** The longest array pattern among parameters that gets a value for each of its items. */
const MAX_PATTERN_ITEMS = 64;

/** The first statement has fewer places. */
const MAX_BREAKPOINTS = 100;

const readBefore = new WeakMap<object, { readonly value: unknown }>();

/** Where the body of an arrow function stands in its script, as the inspector counts. */
export interface ArrowBody {
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

/** Whether a class in the body has static parts: they run in a function of their own, where no breakpoint of the body's can be. */
function hasStaticParts(body: SyntaxNode): boolean {
  let isFound = false;
  walk(body, (node) => {
    if (node.type === "StaticBlock" || (node.type === "PropertyDefinition" && node.static)) isFound = true;
    return !/Function/.test(node.type);
  });
  return isFound;
}

/** The body of an arrow function whose `this` can be read without running anything of it; undefined for any other. */
export function bodyOf(script: ScriptSource, node: SyntaxNode, scriptId: string): ArrowBody | undefined {
  if (node.type !== "ArrowFunctionExpression") return undefined;
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

function call(port: InspectorPort, fn: (...args: never[]) => unknown, parameterCount: number): void {
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
 * Sets breakpoints wherever the body may begin, whose condition takes `this`.
 *
 * The first by position is not always the first that is reached: of `for (const a of b())`, that is `b()`. A `debugger` statement can't
 * have one, and does nothing of the program's.
 */
function setBreakpoints(port: InspectorPort, { scriptId, start, end }: ArrowBody): string[] {
  const { locations } = port.post("Debugger.getPossibleBreakpoints", {
    start: { scriptId, lineNumber: start.line, columnNumber: start.column },
    end: { scriptId, lineNumber: end.line, columnNumber: end.column },
    restrictToFunction: true,
  }) as { locations: readonly { readonly type?: string }[] };
  const condition = `${TAKE_NAME}(this), false`;
  const usable = locations.filter(({ type }) => type !== "debuggerStatement").slice(0, MAX_BREAKPOINTS);
  return usable.map((location) => {
    return (port.post("Debugger.setBreakpoint", { location, condition }) as { breakpointId: string }).breakpointId;
  });
}

/**
 * Reads the outer `this` of an arrow function whose body is known; remembered, as it never changes.
 *
 * @returns undefined when it can't be read.
 */
export function readThis(
  port: InspectorPort,
  fn: (...args: never[]) => unknown,
  body: ArrowBody,
): { readonly value: unknown } | undefined {
  const known = readBefore.get(fn);
  if (known !== undefined) return known;
  let taken: { readonly value: unknown } | undefined;
  const take = (value: unknown): void => {
    taken = { value };
    port.post("Runtime.terminateExecution", {});
  };
  const breakpointIds = setBreakpoints(port, body);
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
  if (taken !== undefined) readBefore.set(fn, taken);
  return taken;
}
