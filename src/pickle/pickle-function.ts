/** Turns a function into bytes that a worker turns back into a function. */

import { inspect } from "node:util";
import { types } from "node:util";
import { serialize } from "node:v8";

import { FunctionNotPicklableError } from "../errors.js";
import { NotAFunctionError } from "../errors.js";
import { Contents } from "./write/contents.js";
import { FunctionEncoder } from "./write/function-encoder.js";
import { FunctionInspector } from "./look/function-inspector.js";
import { InspectorForbiddenError } from "./look/function-inspector.js";
import { GraphWriter } from "./write/graph-writer.js";
import type { HeldFunctions } from "./write/held-functions.js";
import type { AnyFunction } from "../values/classes/value-writer.js";
import type { Place } from "./write/graph-writer.js";
import { noteLook } from "./write/slow-looks.js";
import { slowVariables } from "./write/slow-looks.js";
import { writePlainFunction } from "./write/plain-function.js";
import type { WrittenFunction } from "./write/plain-function.js";
import { warnOfDecorators } from "./write/lost-decorators.js";
import type { OwnedVariables } from "./variables/owned-variables.js";
import { SeenVariables } from "./write/seen-variables.js";

/** A function on its way to a worker. */
export interface PickledFunction {
  /** The function's name, or "anonymous". */
  readonly name: string;
  /** The same bytes for the same function in the same state. */
  readonly payload: Uint8Array;
  /**
   * Another one for a function of the same bytes that has other objects or variables of its own, which tasks may
   * change.
   */
  readonly stateKey: string;
  /** To be asked before the payload is used again. */
  readonly seen: Seen;
}

function describe(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "object") return Array.isArray(value) ? "an array" : "an object";
  return value === undefined ? "undefined" : `${typeof value} ${inspect(value)}`;
}

/** All that the look at a function has seen. */
export class Seen {
  readonly #name: string;
  readonly #held: HeldFunctions;
  readonly #variables: SeenVariables;
  /** Absent when only another look tells. */
  readonly #contents: Contents | undefined;

  constructor(name: string, writer: GraphWriter) {
    const { held, variables, isStable, isEndless, mutable, objects, found, durations } = writer;
    this.#name = name;
    this.#held = held;
    // Of what is too much to look at, the functions tell.
    this.#variables = isEndless ? new SeenVariables() : variables;
    const contents = isEndless ? new Map<object, undefined>() : mutable;
    const keys = [...objects.keys(), ...found.keys()];
    if (isStable || isEndless) this.#contents = new Contents(contents, keys, slowVariables(durations));
  }

  /** Whether the inspector is needed to tell. */
  get needsInspector(): boolean {
    return !this.#variables.isEmpty;
  }

  /** Whether another look would see the same. */
  isUnchanged(inspector?: FunctionInspector): boolean {
    if (this.#contents === undefined || !this.#held.areUnchanged()) return false;
    if (!this.#variables.areUnchanged(inspector)) return false;
    if (this.#contents.isEmpty) return true;
    const durations = new Map<Place, number>();
    const areUnchanged = this.#contents.areUnchanged(durations);
    // Else a look follows, which counts as one.
    if (areUnchanged) noteLook(this.#name, durations);
    return areUnchanged;
  }
}

const refusals = new WeakMap<object, Seen>();

/** Of an error that will come again for as long as this is unchanged: what the look has seen. */
export function seenByRefusal(error: unknown): Seen | undefined {
  return error instanceof FunctionNotPicklableError ? refusals.get(error) : undefined;
}

/**
 * Pickles a function: by reference where it is an export of a module other than the main one, else by value, with
 * the variables that it captures and the modules that it imports. Captured variables are a snapshot of this moment.
 *
 * Variables of its module are those of all functions of the module in a worker; variables of a local scope (those
 * inside a function) become private copies of each function, unless it is seen that functions share them.
 *
 * @param fn - the function; bound functions, methods, generators and classes are functions too.
 * @param owned - Variables that are the worker's own: their values are not sent.
 * @param lent - Left open.
 * @throws {@link NotAFunctionError} for anything else.
 * @throws {@link FunctionNotPicklableError} with all that stands in the way, when something captured can't leave this
 * process.
 */
export function pickleFunction(fn: unknown, owned?: OwnedVariables, lent?: FunctionInspector): PickledFunction {
  return pickle(fn, false, owned, lent);
}

/** The same for the function of a task: of most, the text says all. */
export function pickleTaskFunction(fn: unknown, owned?: OwnedVariables, lent?: FunctionInspector): PickledFunction {
  return pickle(fn, true, owned, lent);
}

function pickle(
  fn: unknown,
  isOfTask: boolean,
  owned: OwnedVariables | undefined,
  lent: FunctionInspector | undefined,
): PickledFunction {
  if (typeof fn !== "function") throw new NotAFunctionError(describe(fn));
  const ownName: unknown = types.isProxy(fn) ? "" : Object.getOwnPropertyDescriptor(fn, "name")?.value;
  const name = typeof ownName === "string" && ownName !== "" ? ownName : "anonymous";
  const inspector = lent ?? new FunctionInspector();
  try {
    const writer = new GraphWriter();
    const plain = isOfTask ? writePlainFunction(fn as AnyFunction, writer, inspector) : undefined;
    const { root, ...parts } = plain ?? writeGraph(fn as AnyFunction, name, writer, inspector, owned);
    const payload = serialize(writer.finish(root, parts));
    return { name, payload, stateKey: writer.state.key, seen: new Seen(name, writer) };
  } catch (error) {
    if (!(error instanceof InspectorForbiddenError)) throw error;
    const { problem, advice } = error;
    throw new FunctionNotPicklableError(name, [{ variable: name, problem, advice }]);
  } finally {
    if (lent === undefined) inspector[Symbol.dispose]();
  }
}

/** Writes a function with all that it captures. */
function writeGraph(
  fn: AnyFunction,
  name: string,
  writer: GraphWriter,
  inspector: FunctionInspector,
  owned: OwnedVariables | undefined,
): WrittenFunction {
  const encoder = new FunctionEncoder(writer, inspector, owned);
  const root = encoder.values.link(fn, { step: name });
  writer.run();
  encoder.values.weakEntries.write();
  writer.refuseStrangeKeys();
  noteLook(name, writer.durations);
  if (writer.problems.length > 0) {
    const error = new FunctionNotPicklableError(name, writer.problems);
    refusals.set(error, new Seen(name, writer));
    throw error;
  }
  warnOfDecorators(encoder.scopes.sent, writer.nodes);
  return { root, ...encoder.scopes.finish(writer) };
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
