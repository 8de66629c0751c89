/** Turns the bytes of a pickled function back into a function, in the worker. */

import { deserialize } from "node:v8";

import { ModuleNotFoundError } from "../errors.js";
import { announceClasses } from "../values/classes/class-registry.js";
import type { PickleGraph } from "./graph/format.js";
import { Materialiser } from "./build/materialise.js";
import { giveCause } from "./refer/side-imports.js";
import { rememberFailedImports } from "./refer/side-imports.js";
import { runSideImports } from "./refer/side-imports.js";
import { whileImporting } from "../system/worker-state.js";
import { WorkerModules } from "./build/worker-modules.js";

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** A function that was rebuilt. */
export interface Unpickled {
  readonly fn: AnyFunction;
  /**
   * Whether the worker's modules are as they are to be when it is called: else unpickle it again, with this function.
   */
  isCurrent(): boolean;
  /** False for a function that knows nothing of modules, so that this need not be asked. */
  readonly hasState: boolean;
}

/**
 * Rebuilds a pickled function: imports what it names, evaluates what it carries, and sets variables of modules that
 * differ.
 *
 * The bytes come from this worker's own parent. They are code; never feed this from anywhere else.
 *
 * @param payload - what `pickleFunction` gave in the parent.
 * @param modules - What the worker has of the program's modules.
 * @param known - The function, if the same bytes were unpickled before: it is kept.
 * @throws {@link ModuleNotFoundError} when a module that the function names can't be found, or lacks the export.
 */
export async function unpickle(payload: Uint8Array, modules: WorkerModules, known?: AnyFunction): Promise<Unpickled> {
  const build = async (): Promise<Unpickled> => {
    const graph = deserialize(payload) as PickleGraph;
    announceClasses(graph.registered ?? []);
    const failedImports = await runSideImports(graph);
    const materialiser = new Materialiser(graph, modules, known);
    let fn: unknown;
    try {
      fn = await materialiser.build();
    } catch (error) {
      throw giveCause(error, failedImports);
    }
    if (typeof fn !== "function") {
      throw new ModuleNotFoundError(
        "What the module exports under the function's name is not a function in the worker process. " +
          "Export the same from the module in every process.",
      );
    }
    rememberFailedImports(fn, failedImports);
    const { state } = materialiser;
    return { fn: fn as AnyFunction, hasState: !state.isEmpty, isCurrent: () => state.isCurrent() };
  };
  // What it imports was imported before, when the function is known.
  return await modules.inTurn(() => (known === undefined ? whileImporting(build) : build()));
}

/** Rebuilds a pickled function as {@link unpickle} does; without modules, one that shares nothing with others. */
export async function unpickleFunction(
  payload: Uint8Array,
  modules: WorkerModules = new WorkerModules(),
): Promise<AnyFunction> {
  return (await unpickle(payload, modules)).fn;
}
