import { isBuiltin } from "node:module";
import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";

import { InvalidOptionError } from "../../errors.js";
import { isMainModule } from "./main-module.js";
import { showValue } from "../../show-value.js";
import { rememberExternal } from "./provenance.js";

function hrefOf(module: string | URL): string {
  if (module instanceof URL) return module.href;
  if (isBuiltin(module)) return module.startsWith("node:") ? module : `node:${module}`;
  // Before URLs: on Windows, C:\tasks.js would be one.
  if (isAbsolute(module)) return pathToFileURL(module).href;
  if (URL.canParse(module)) return module;
  throw new InvalidOptionError(
    "module",
    'moduleTask() takes a URL or an absolute path, such as new URL("./tasks.js", import.meta.url), ' +
      `but was given ${showValue(module)}.`,
  );
}

/**
 * Names a function by its module and export, for wherever a function is accepted: `createProcessTask`, `submit`,
 * `map`, `initializer`, `configurer`, and variables that other functions capture. Nothing of it is looked at in this
 * process, not even the module loaded: the worker imports it. For functions that can't be sent as they are, such as
 * those of a bundle whose module is a file of its own.
 *
 * ```ts
 * const render = moduleTask<typeof import("./tasks.js").render>(new URL("./tasks.js", import.meta.url), "render");
 * await executor.createProcessTask(render, page);
 * ```
 *
 * @typeParam F - The function's type, which is not checked: it is what the module is said to export. Without one: any
 * arguments, an unknown result.
 * @param module - URL or absolute path of the module. The worker must be able to load it: a `.ts` file needs a Node or
 * a loader that does.
 * @param name - The export's name. Default: `"default"`.
 * @returns A stand-in; calling it in this process throws. A worker fails with `ModuleNotFoundError` when it finds no
 * such module, or no such function in it.
 * @throws InvalidOptionError for a relative path, and for the program's main module, which no worker may run.
 */
export function moduleTask(module: string | URL, name?: string): (...args: unknown[]) => unknown;
// Reason: the type comes from the caller alone, as the module is not loaded here.
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
export function moduleTask<F extends (...args: never[]) => unknown>(module: string | URL, name?: string): F;
export function moduleTask(module: string | URL, name = "default"): (...args: unknown[]) => unknown {
  const href = hrefOf(module);
  if (isMainModule(href)) {
    throw new InvalidOptionError(
      "module",
      `moduleTask() was given the program's main module (${href}), which a worker would run again. ` +
        "Move the function to a module of its own.",
    );
  }
  return standInFor(href, [name]);
}

/** Names a function by the URL of its module, and the way to it from there. */
export function standInFor(href: string, path: readonly string[]): () => never {
  const name = path.at(-1) ?? "";
  const standIn = (): never => {
    throw new TypeError(
      `moduleTask(${JSON.stringify(href)}, ${JSON.stringify(name)}) is for executors: import the function to call it here.`,
    );
  };
  Object.defineProperty(standIn, "name", { value: name, configurable: true });
  rememberExternal(standIn, { kind: "import", specifier: href, referrer: href, path });
  return standIn;
}
