/** Where values came from that a worker imported while unpickling, so that they can be sent on as imports. */

import type { ExternalNode } from "../graph/format.js";
import { processWide } from "../look/process-wide.js";

const externals = processWide("externals", () => new WeakMap<object, ExternalNode>());
const evaluations = processWide("evaluations", () => new WeakMap<object, object>());

/** Remembers that a value was found by this description, not made. */
export function rememberExternal(value: unknown, node: ExternalNode): void {
  if (typeof value === "function" || (typeof value === "object" && value !== null)) externals.set(value, node);
}

/** How an imported value was found; undefined for values made in this process. */
export function externalOf(value: object): ExternalNode | undefined {
  return externals.get(value);
}

/** Remembers the function whose call made a value (an initialiser evaluated again in the worker). */
export function rememberEvaluation(value: unknown, by: object): void {
  if (typeof value === "function" || (typeof value === "object" && value !== null)) evaluations.set(value, by);
}

/** The function whose call made a value, where an initialiser was evaluated again in this worker. */
export function evaluationOf(value: object): object | undefined {
  return evaluations.get(value);
}
