import { FunctionNotPicklableError } from "../../errors.js";
import { fileOfFunction } from "../../pickle/refer/copied-export.js";
import { externalOf } from "../../pickle/refer/provenance.js";
import type { PickleProblem } from "../../errors.js";
import type { TaskModule } from "../contract/task-module.js";

function problemOf(fn: object, module: TaskModule): Omit<PickleProblem, "variable"> {
  const named = module.namedBy(fn);
  if (named !== undefined) {
    return { problem: `the task module ${module.url} ${module.explain(named)}`, advice: "Name one of its functions." };
  }
  const external = externalOf(fn);
  if (external?.kind === "import") {
    const problem = `it is of ${external.specifier}, and the task module is ${module.url}`;
    return { problem, advice: "Name a function of the task module." };
  }
  const file = fileOfFunction(fn);
  const from = file === undefined ? "" : `, but was written in ${file}`;
  const problem = `it is no export of the task module ${module.url}${from}, and no code goes to other machines`;
  const { name } = fn as { readonly name?: unknown };
  if (typeof name !== "string" || name === "" || !module.has(name)) {
    return { problem, advice: "Export it there, and pass that export." };
  }
  return {
    problem,
    advice:
      `If that is a bundle with a copy of the task module, keep the module out of the bundle, or pass ` +
      `moduleTask(${JSON.stringify(module.url)}, ${JSON.stringify(name)}).`,
  };
}

/** The error of a function that hosts don't have as a task. */
export function refuseFunction(taskName: string, fn: object, module: TaskModule): FunctionNotPicklableError {
  return new FunctionNotPicklableError(taskName, [{ variable: taskName, ...problemOf(fn, module) }]);
}
