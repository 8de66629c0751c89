/** Turns the bytes of a pickled function back into a function, in the worker. */

import { deserialize } from "node:v8";

import { ModuleNotFoundError } from "../errors.js";
import type { PickleGraph } from "./graph-format.js";
import { Materialiser } from "./materialise.js";
import { giveCause } from "./side-imports.js";
import { rememberFailedImports } from "./side-imports.js";
import { runSideImports } from "./side-imports.js";
import { whileImporting } from "../system/worker-state.js";

/**
 * Rebuilds a pickled function: imports what it names and evaluates what it carries.
 *
 * The bytes come from this worker's own parent. They are code; never feed this from anywhere else.
 *
 * @param payload - what `pickleFunction` gave in the parent.
 * @throws {@link ModuleNotFoundError} when a module that the function names can't be found, or lacks the export.
 */
export function unpickleFunction(payload: Uint8Array): Promise<(this: unknown, ...args: unknown[]) => unknown> {
  return whileImporting(() => build(payload));
}

async function build(payload: Uint8Array): Promise<(this: unknown, ...args: unknown[]) => unknown> {
  const graph = deserialize(payload) as PickleGraph;
  const failedImports = await runSideImports(graph);
  let value: unknown;
  try {
    value = await new Materialiser(graph).build();
  } catch (error) {
    throw giveCause(error, failedImports);
  }
  if (typeof value !== "function") {
    throw new ModuleNotFoundError(
      "What the module exports under the function's name is not a function in the worker process. " +
        "Export the same from the module in every process.",
    );
  }
  rememberFailedImports(value, failedImports);
  return value as (this: unknown, ...args: unknown[]) => unknown;
}
