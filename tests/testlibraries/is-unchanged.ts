import { FunctionInspector } from "../../src/pickle/look/function-inspector.js";
import type { PickledFunction } from "../../src/pickle/pickle-function.js";

/** Whether another look at a function would see what the look has seen that made this pickle. */
export function isUnchanged({ seen }: Pick<PickledFunction, "seen">): boolean {
  const inspector = new FunctionInspector();
  try {
    return seen.isUnchanged(inspector);
  } finally {
    inspector[Symbol.dispose]();
  }
}
