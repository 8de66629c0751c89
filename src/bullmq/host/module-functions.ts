import { NumberedFunctions } from "../contract/numbered-functions.js";
import { pickleFunction } from "../../pickle/pickle-function.js";
import type { PooledFunction } from "../../pool/queue/function-table.js";
import type { TaskModule } from "../contract/task-module.js";

/** The tasks of a module as workers are told of them, each when it is first asked for. */
export function functionsOf(module: TaskModule): NumberedFunctions<string> {
  const known = new Map<string, PooledFunction>();
  return new NumberedFunctions(known, (name) => pickleFunction(module.referenceTo(name)).payload);
}
