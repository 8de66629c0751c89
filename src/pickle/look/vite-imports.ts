/**
 * Reads what Vite makes of imports, for Vitest:
 *
 *     import { scale } from "./helpers.ts";   ─▶  const __vite_ssr_import_0__ = await __vite_ssr_import__("/helpers.ts", ...);
 *     scale(2); await import("./helpers.ts")  ─▶  (0, __vite_ssr_import_0__.scale)(2); await __vite_ssr_dynamic_import__("/helpers.ts")
 *
 * Modules that Vitest leaves to Node (built-in ones, packages) are imported by the worker. Those that Vite has
 * compiled it can't load: what a function uses of them travels by value, mocks included.
 */

import process from "node:process";
import { existsSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import type { Variable } from "eslint-scope";

import type { SyntaxNode } from "./syntax-tree.js";

/** The name that stands for `import()` in code compiled by Vite. */
export const VITE_DYNAMIC_IMPORT = "__vite_ssr_dynamic_import__";

/** The name that stands for `import.meta`. */
export const VITE_IMPORT_META = "__vite_ssr_import_meta__";

/** The variable that holds an anonymous default export. */
export const VITE_DEFAULT_EXPORT = "__vite_ssr_export_default__";

/** The part of Vitest's state that is read; all of it is undocumented, and may be missing. */
interface VitestWorker {
  readonly config?: { readonly root?: unknown };
  readonly evaluatedModules?: {
    getModuleByUrl?: (url: string) => { readonly meta?: { readonly externalize?: unknown } } | undefined;
  };
}

function vitestWorker(): VitestWorker | undefined {
  return (globalThis as { __vitest_worker__?: VitestWorker }).__vitest_worker__;
}

/** Whether this process runs tests of Vitest. */
export function isInVitest(): boolean {
  return vitestWorker() !== undefined;
}

/** The folder that a path such as `/helpers.ts` begins in. */
export function viteRoot(): string {
  const root = vitestWorker()?.config?.root;
  return typeof root === "string" ? root : process.cwd();
}

function specifierOf(expression: SyntaxNode | null | undefined): string | undefined {
  const call = expression?.type === "AwaitExpression" ? expression.argument : undefined;
  if (call?.type !== "CallExpression" || call.callee.type !== "Identifier") return undefined;
  if (!/^__vite_ssr_(?:dynamic_)?import__$/.test(call.callee.name)) return undefined;
  const [specifier] = call.arguments;
  return specifier?.type === "Literal" && typeof specifier.value === "string" ? specifier.value : undefined;
}

/** The module that a variable was given by Vite's import, once and for all. */
export function viteSpecifier(variable: Variable | null): string | undefined {
  const [definition, another] = variable?.defs ?? [];
  if (definition?.type !== "Variable" || another !== undefined) return undefined;
  return definition.node.id.type === "Identifier" ? specifierOf(definition.node.init) : undefined;
}

/** What Node must be asked for in place of a path of Vite's. */
export function nativeSpecifier(specifier: string, root: string): string {
  if (specifier.startsWith("/@fs/")) return pathToFileURL(specifier.slice("/@fs".length)).href;
  if (specifier.startsWith("/@id/")) return specifier.slice("/@id/".length);
  if (!specifier.startsWith("/")) return specifier;
  const inRoot = join(root, specifier);
  return pathToFileURL(existsSync(inRoot.replace(/[?#].*$/s, "")) ? inRoot : specifier).href;
}

/** What the worker imports for a module that Vitest leaves to Node; undefined for one that Vite has compiled. */
export function externalisedBy(specifier: string): string | undefined {
  if (isBuiltin(specifier)) return specifier;
  const module = vitestWorker()?.evaluatedModules?.getModuleByUrl?.(specifier);
  if (typeof module?.meta?.externalize === "string") return module.meta.externalize;
  if (module !== undefined || !specifier.includes("/node_modules/")) return undefined;
  return nativeSpecifier(specifier, viteRoot());
}
