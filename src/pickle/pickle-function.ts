/** Turns a function into bytes that a worker turns back into a function. */

import { inspect } from "node:util";
import { types } from "node:util";
import { serialize } from "node:v8";

import { FunctionNotPicklableError } from "../errors.js";
import { NotAFunctionError } from "../errors.js";
import { FunctionEncoder } from "./write/function-encoder.js";
import { FunctionInspector } from "./look/function-inspector.js";
import { InspectorForbiddenError } from "./look/function-inspector.js";
import { GraphWriter } from "./write/graph-writer.js";
import type { HeldFunctions } from "./write/held-functions.js";
import { noteLook } from "./write/slow-looks.js";
import { warnOfDecorators } from "./write/lost-decorators.js";
import type { OwnedVariables } from "./variables/owned-variables.js";

/** A function on its way to a worker. */
export interface PickledFunction {
  /** The function's name, or "anonymous". */
  readonly name: string;
  /** The same bytes for the same function in the same state. */
  readonly payload: Uint8Array;
  /**
   * Whether the payload stays right for as long as the functions in it are unchanged. False when it captures something else that
   * may change (an object, a variable that some code assigns to): pickle it again at the next submission.
   */
  readonly isStable: boolean;
  /** Another one for a function of the same bytes that has other objects or variables of its own, which tasks may change. */
  readonly stateKey: string;
  /** The functions and classes in it: ask them before the payload of a stable one is used again. */
  readonly held: HeldFunctions;
}

function describe(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "object") return Array.isArray(value) ? "an array" : "an object";
  return value === undefined ? "undefined" : `${typeof value} ${inspect(value)}`;
}

const refusals = new WeakMap<object, HeldFunctions>();

/** Of an error that will come again for as long as these functions and classes are unchanged: those. */
export function heldByRefusal(error: unknown): HeldFunctions | undefined {
  return error instanceof FunctionNotPicklableError ? refusals.get(error) : undefined;
}

/**
 * Pickles a function: by reference where it is an export of a module other than the main one, else by value, with
 * the variables that it captures and the modules that it imports. Captured variables are a snapshot of this moment.
 *
 * Variables of its module are those of all functions of the module in a worker; variables of a local scope (those inside a function)
 * become private copies of each function, unless it is seen that functions share them.
 *
 * @param fn - the function; bound functions, methods, generators and classes are functions too.
 * @param owned - Variables that are the worker's own: their values are not sent.
 * @throws {@link NotAFunctionError} for anything else.
 * @throws {@link FunctionNotPicklableError} with all that stands in the way, when something captured can't leave this process.
 */
export function pickleFunction(fn: unknown, owned?: OwnedVariables): PickledFunction {
  if (typeof fn !== "function") throw new NotAFunctionError(describe(fn));
  const ownName: unknown = types.isProxy(fn) ? "" : Object.getOwnPropertyDescriptor(fn, "name")?.value;
  const name = typeof ownName === "string" && ownName !== "" ? ownName : "anonymous";
  const inspector = new FunctionInspector();
  try {
    const writer = new GraphWriter();
    const encoder = new FunctionEncoder(writer, inspector, owned);
    const root = encoder.values.link(fn, { step: name });
    writer.run();
    encoder.values.weakEntries.write();
    writer.refuseStrangeKeys();
    noteLook(name, writer.durations);
    if (writer.problems.length > 0) {
      const error = new FunctionNotPicklableError(name, writer.problems);
      if (writer.isStable || writer.isEndless) refusals.set(error, writer.held);
      throw error;
    }
    warnOfDecorators(encoder.scopes.sent, writer.nodes);
    const graph = writer.finish(root, encoder.scopes.finish(writer));
    const { isStable, held, state } = writer;
    return { name, payload: serialize(graph), isStable, stateKey: state.key, held };
  } catch (error) {
    if (!(error instanceof InspectorForbiddenError)) throw error;
    const { problem, advice } = error;
    throw new FunctionNotPicklableError(name, [{ variable: name, problem, advice }]);
  } finally {
    inspector[Symbol.dispose]();
  }
}

/** Notes the variables of modules that a function which prepares workers assigns to, or functions that it calls. */
export function addAssignedBy(fn: unknown, owned: OwnedVariables): void {
  if (typeof fn !== "function") return;
  const inspector = new FunctionInspector();
  try {
    const writer = new GraphWriter();
    new FunctionEncoder(writer, inspector, owned, true).values.link(fn, { step: "" });
    // What can't be sent is told when it is pickled.
    writer.run();
  } finally {
    inspector[Symbol.dispose]();
  }
}
