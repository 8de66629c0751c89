/** Finds, in the worker, values that a pickle only names: globals, exports of modules, `require`, `import.meta`. */

import process from "node:process";
import { realpathSync } from "node:fs";
import type nodeModule from "node:module";
import { createRequire } from "node:module";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { pathToFileURL } from "node:url";
import { Script } from "node:vm";
import { constants } from "node:vm";

import { ModuleNotFoundError } from "../../errors.js";
import { intrinsicNamed } from "./intrinsics.js";
import { isReference } from "./exported-value.js";
import { rememberExternal } from "./provenance.js";
import { nativeSpecifier } from "../look/vite-imports.js";
import { symbolOf } from "./unique-symbols.js";
import type { ExternalNode } from "../graph/format.js";

type NodeModule = typeof nodeModule;
type Importer = (specifier: string, options: object | undefined) => Promise<object>;

const NOT_FOUND: ReadonlySet<unknown> = new Set([
  "ERR_MODULE_NOT_FOUND",
  "MODULE_NOT_FOUND",
  "ERR_PACKAGE_PATH_NOT_EXPORTED",
  "ERR_PACKAGE_IMPORT_NOT_DEFINED",
  "ERR_UNKNOWN_BUILTIN_MODULE",
  "ERR_UNSUPPORTED_DIR_IMPORT",
  "ERR_UNKNOWN_FILE_EXTENSION",
  "ERR_UNSUPPORTED_ESM_URL_SCHEME",
]);

const importers = new Map<string, Importer>();

/** What the modules export from which functions were imported by their URL, the first module first. */
const functionModules = new Set<object>();

/** The modules from which functions were imported by their URL: what each exports, the last module first. */
export function modulesOfFunctions(): readonly object[] {
  return [...functionModules].toReversed();
}

let isWarningSpent = false;

/**
 * Node says once in each process that USE_MAIN_CONTEXT_DEFAULT_LOADER is experimental, at the first import() in a
 * script compiled with it. That is about this library's code and not the user's, so it is made to happen unseen.
 */
export function spendLoaderWarning(): void {
  if (isWarningSpent) return;
  isWarningSpent = true;
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    void importerFor(import.meta.url)("node:process", undefined);
  } finally {
    process.emitWarning = emitWarning;
  }
}

/**
 * An `import()` that resolves as one written in the referring file would: packages, `#imports`, relative paths, hooks.
 */
function importerFor(referrer: string): Importer {
  let importer = importers.get(referrer);
  if (importer === undefined) {
    const script = new Script("(specifier, options) => import(specifier, options)", {
      filename: referrer,
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
    importer = script.runInThisContext() as Importer;
    importers.set(referrer, importer);
  }
  return importer;
}

/** Follows own properties only: a name from the wire must not reach into a prototype. */
function follow(start: unknown, path: readonly string[], where: string): unknown {
  let value = start;
  for (const [index, name] of path.entries()) {
    if (!isReference(value) || !Object.hasOwn(value, name)) {
      const wanted = path.slice(0, index + 1).join(".");
      throw new ModuleNotFoundError(
        `${where} has no export "${wanted}" in the worker process. ` +
          "Check that the file has not changed since the program started, and that it exports the same in every process.",
      );
    }
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function rethrow(error: unknown, specifier: string, referrer: string): never {
  const code = isReference(error) ? (error as { code?: unknown }).code : undefined;
  if (!NOT_FOUND.has(code)) throw error;
  const from = specifier === referrer ? "" : ` (imported by ${referrer})`;
  throw new ModuleNotFoundError(
    `Module ${specifier}${from} can't be found in the worker process: ${(error as Error).message}. ` +
      "Check the path, the worker's cwd, and loader options (execArgv) that the parent has and the worker lacks.",
    { cause: error },
  );
}

/** What was found, in a box: a value such as Promise.prototype has a `then`, which an async function would call. */
interface Found<T = unknown> {
  readonly value: T;
}

function filesAt(url: string): readonly string[] {
  if (!url.startsWith("file:")) return [];
  const file = fileURLToPath(url.replace(/[?#].*$/s, ""));
  try {
    return [realpathSync(file), file];
  } catch {
    return [file];
  }
}

/**
 * What a CommonJS module has given to `module.exports`; `undefined` for a module of another kind. Node itself offers
 * to `import()` only those names that it has read in the text.
 *
 * @param namespace - What `import()` gave for the module.
 */
export async function commonjsExports(namespace: object, url: string): Promise<Found<object> | undefined> {
  const exports: unknown = Object.hasOwn(namespace, "default") && (namespace as { readonly default: unknown }).default;
  if (!isReference(exports)) return undefined;
  // Jest gives all others a `createRequire` of its own, with a cache of its own.
  const module = (await importerFor(import.meta.url)("node:module", undefined)) as NodeModule;
  const { cache } = module.createRequire(import.meta.url);
  return filesAt(url).some((file) => cache[file]?.exports === exports) ? { value: exports } : undefined;
}

async function importModule(node: ExternalNode & { kind: "import" }): Promise<Found> {
  const { specifier, referrer, attributes, path } = node;
  spendLoaderWarning();
  let namespace: object;
  try {
    namespace = await importerFor(referrer)(specifier, attributes && { with: attributes });
  } catch (error) {
    rethrow(error, specifier, referrer);
  }
  const [name] = path;
  const isThere = name === undefined || Object.hasOwn(namespace, name);
  const common = isThere ? undefined : await commonjsExports(namespace, specifier);
  const exports = common === undefined ? namespace : common.value;
  const value = follow(exports, path, `Module ${specifier}`);
  if (specifier === referrer && typeof value === "function") functionModules.add(exports);
  return { value };
}

function requireModule(filename: string, path: readonly string[]): unknown {
  let exports: unknown;
  try {
    exports = createRequire(filename)(filename);
  } catch (error) {
    rethrow(error, filename, filename);
  }
  return follow(exports, path, `Module ${filename}`);
}

/** `import.meta` of a module that is not loaded here. */
function importMeta(url: string): object {
  const resolve = (specifier: string): string => {
    if (/^(?:\.{0,2}\/)/.test(specifier)) return new URL(specifier, url).href;
    if (isBuiltin(specifier)) return specifier.startsWith("node:") ? specifier : `node:${specifier}`;
    if (URL.canParse(specifier)) return specifier;
    return pathToFileURL(createRequire(url).resolve(specifier)).href;
  };
  if (!url.startsWith("file:")) return Object.assign(Object.create(null) as object, { url, resolve });
  const filename = fileURLToPath(url);
  return Object.assign(Object.create(null) as object, { dirname: dirname(filename), filename, resolve, url });
}

function interop(module: unknown, keys: readonly string[], isDefaultTheModule: boolean): object {
  const result = {};
  Object.defineProperty(result, "__esModule", { value: true });
  for (const key of keys) {
    const get = (): unknown =>
      key === "default" && isDefaultTheModule ? module : (module as Record<string, unknown>)[key];
    Object.defineProperty(result, key, { get, enumerable: true });
  }
  return result;
}

function findAtOnce(node: Exclude<ExternalNode, { kind: "import" | "interop" }>): unknown {
  switch (node.kind) {
    case "symbol":
      return node.registryKey === undefined
        ? follow(Symbol, [node.wellKnown ?? ""], "Symbol")
        : Symbol.for(node.registryKey);
    case "uniqueSymbol":
      return symbolOf(node);
    case "intrinsic":
      return intrinsicNamed(node.name);
    case "global":
      return follow(globalThis, node.path, "The global object");
    case "builtin": {
      const exports: unknown = process.getBuiltinModule(node.module);
      if (exports === undefined) {
        rethrow({ code: "ERR_UNKNOWN_BUILTIN_MODULE", message: "" }, node.module, node.module);
      }
      return follow(exports, node.path, `Module ${node.module}`);
    }
    case "commonjs":
      return requireModule(node.filename, node.path);
    case "require":
      return createRequire(node.filename);
    case "importMeta":
      return importMeta(node.url);
    case "importFunction": {
      const { referrer, root } = node;
      return async (specifier: string) => {
        const request = { kind: "import", specifier: nativeSpecifier(specifier, root), referrer, path: [] } as const;
        return (await importModule(request)).value;
      };
    }
  }
}

async function find(node: ExternalNode): Promise<Found> {
  if (node.kind === "import") return importModule(node);
  if (node.kind === "builtin" && node.isNamespace === true) {
    return importModule({ kind: "import", specifier: node.module, referrer: import.meta.url, path: [] });
  }
  if (node.kind === "interop") {
    const { value } = await find(node.module);
    return { value: interop(value, node.keys, node.isDefaultTheModule) };
  }
  return { value: findAtOnce(node) };
}

/** Where such a value is found is known by itself. */
const KNOWN_WITHOUT: ReadonlySet<string> = new Set([
  "global",
  "builtin",
  "symbol",
  "uniqueSymbol",
  "intrinsic",
] satisfies ExternalNode["kind"][]);

/**
 * Finds the value that a node names, and remembers how, so that it can be sent on from here.
 *
 * @throws {@link ModuleNotFoundError} when a module, or an export of it, does not exist in this process.
 */
export async function importValue(node: ExternalNode): Promise<Found> {
  const found = await find(node);
  if (!KNOWN_WITHOUT.has(node.kind)) rememberExternal(found.value, node);
  return found;
}

/** The name under which relative imports of an evaluated program (`node -e`) are resolved. */
export function referrerOf(url: string): string {
  return url === "" || url.startsWith("[") ? join(process.cwd(), url || "[eval]") : url;
}
