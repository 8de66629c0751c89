/** The module whose exports are the tasks that hosts run. */

import process from "node:process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { pathToFileURL } from "node:url";
import { readFile } from "node:fs/promises";

import { InvalidOptionError } from "../../errors.js";
import { ModuleNotFoundError } from "../../errors.js";
import { commonjsExports } from "../../pickle/refer/import-value.js";
import { exportInCopy } from "../../pickle/refer/copied-export.js";
import { exportedValue } from "../../pickle/refer/exported-value.js";
import { externalOf } from "../../pickle/refer/provenance.js";
import { importValue } from "../../pickle/refer/import-value.js";
import { isMainModule } from "../../pickle/refer/main-module.js";
import { standInFor } from "../../pickle/refer/module-task.js";

/** How much of the hash tells a version from others. */
const VERSION_LENGTH = 12;

/** The URL of a task module, however it was given. @throws InvalidOptionError for what is no place of a file. */
export function taskModuleUrl(tasks: unknown): string {
  if (tasks instanceof URL) return tasks.href;
  if (typeof tasks !== "string" || tasks === "") {
    throw new InvalidOptionError("tasks", "the URL of a module, or a path", tasks);
  }
  return /^[a-z][a-z\d+.-]+:/i.test(tasks) ? tasks : pathToFileURL(tasks).href;
}

/** An export, and the way to it from what `import()` gives. */
interface Export {
  readonly value: unknown;
  readonly path: readonly string[];
}

/** All exports. Of CommonJS, all that `module.exports` has itself: `import()` gives some of these alone. */
async function exportsIn(namespace: object, url: string): Promise<Map<string, Export>> {
  const exports = new Map<string, Export>();
  for (const [name, value] of Object.entries(namespace)) {
    // A second name for "default", in newer versions of Node.
    if (name !== "module.exports") exports.set(name, { value, path: [name] });
  }
  const { value: common } = (await commonjsExports(namespace, url)) ?? { value: {} };
  for (const name of Object.keys(common)) {
    if (typeof exports.get(name)?.value === "function") continue;
    exports.set(name, { value: exportedValue(common, name), path: ["default", name] });
  }
  return exports;
}

function isTypeScript(url: string): boolean {
  return /\.[cm]?tsx?$/.test(url);
}

/**
 * Whether it is TypeScript that this Node does not load, while a compiler does: Node 20 takes none, and later ones no
 * enums, and no imports of `./x.js` that mean `./x.ts`.
 */
function isForCompilers(url: string, error: unknown): boolean {
  if (!isTypeScript(url) || !existsSync(fileURLToPath(url))) return false;
  // Not by its class: Jest has another one.
  return error instanceof ModuleNotFoundError || (error as Error | undefined)?.name === "SyntaxError";
}

async function importTasks(url: string): Promise<Map<string, Export>> {
  try {
    const { value } = await importValue({ kind: "import", specifier: url, referrer: url, path: [] });
    return await exportsIn(value as object, url);
  } catch (error) {
    if (!(error instanceof ModuleNotFoundError)) throw error;
    const cause = error.cause as Error & { readonly code?: unknown };
    if (isTypeScript(url) && cause.code === "ERR_UNKNOWN_FILE_EXTENSION") {
      throw new ModuleNotFoundError(
        `Node.js ${process.versions.node} doesn't load the task module ${url}, as it is TypeScript. ` +
          "Compile it, use Node.js 22.18 or later, or start this program by tsx " +
          "(a host: npx tsx node_modules/.bin/asynccpu worker ./tasks.ts).",
        { cause },
      );
    }
    throw new ModuleNotFoundError(
      `The task module ${url} can't be loaded: ${cause.message}. ` +
        `Check the module, and what it imports; a relative path is taken from ${process.cwd()}.`,
      { cause },
    );
  }
}

/** A task module: which exports of it are functions. */
export class TaskModule {
  readonly url: string;
  readonly version: string;
  /** All that it exports, by name; `undefined` where this program can't load it. */
  readonly values: Readonly<Record<string, unknown>> | undefined;
  readonly #exports: ReadonlyMap<string, Export> | undefined;
  readonly #functions: ReadonlyMap<string, unknown> | undefined;
  readonly #copies = new WeakMap<object, { readonly name: string | undefined }>();

  private constructor(url: string, version: string, exports: ReadonlyMap<string, Export> | undefined) {
    this.url = url;
    this.version = version;
    this.#exports = exports;
    this.values = exports && Object.fromEntries([...exports].map(([name, { value }]) => [name, value]));
    const functions = [...(exports ?? [])].filter(([, { value }]) => typeof value === "function");
    this.#functions = exports && new Map(functions.map(([name, { value }]) => [name, value]));
  }

  /**
   * Loads it for a program, which needs no more than names: so it may be TypeScript that only a compiler takes.
   *
   * @param version - Default: a hash of the file.
   * @throws ModuleNotFoundError, or what the module throws.
   */
  static async load(url: string, version: string | undefined): Promise<TaskModule> {
    const exports = await importTasks(url).catch((error: unknown) => {
      if (isForCompilers(url, error)) return undefined;
      throw error;
    });
    return new TaskModule(url, version ?? (await versionOf(url)), exports);
  }

  /**
   * Loads it for a host.
   *
   * @throws InvalidOptionError for one whose exports a host can't run.
   */
  static async loadToServe(url: string, version: string | undefined): Promise<TaskModule> {
    if (isMainModule(url)) {
      throw new InvalidOptionError(
        "tasks",
        `The task module ${url} is the main module of this program, which each worker would run again. ` +
          "Move the tasks to a module of their own.",
      );
    }
    const exports = await importTasks(url);
    const module = new TaskModule(url, version ?? (await versionOf(url)), exports);
    if (module.names.length > 0) return module;
    throw new InvalidOptionError(
      "tasks",
      `The task module ${url} exports no function${listed(exports.keys())}, so there is nothing to serve. ` +
        'Export each task by its name: "export function add(a, b) { ... }", or in CommonJS "exports.add = add".',
    );
  }

  /** The names of the exports that are functions. */
  get names(): readonly string[] {
    return [...(this.#functions?.keys() ?? [])];
  }

  /** Whether there is such a task, as far as that is known. */
  has(name: string): boolean {
    return this.#functions?.has(name) ?? true;
  }

  /** What a worker is to import for a task. */
  referenceTo(name: string): () => never {
    return standInFor(this.url, this.#exports?.get(name)?.path ?? [name]);
  }

  /** The name by which a stand-in of `moduleTask` means an export of this module, whether there is one or not. */
  namedBy(fn: object): string | undefined {
    const external = externalOf(fn);
    if (external?.kind !== "import" || external.specifier !== this.url) return undefined;
    return external.path.length === 1 ? external.path[0] : undefined;
  }

  /** Under which name a function is exported, if it is. */
  nameOf(fn: object): string | undefined {
    const named = this.namedBy(fn);
    if (named !== undefined && this.has(named)) return named;
    for (const [name, exported] of this.#functions ?? []) if (exported === fn) return name;
    const known = this.#copies.get(fn) ?? { name: exportInCopy(fn, this.url, this.#functions) };
    this.#copies.set(fn, known);
    return known.name;
  }

  /** Completes "The task module": why it has no such task. */
  explain(name: string): string {
    const { value } = this.#exports?.get(name) ?? {};
    if (this.#exports?.has(name) === true) return `exports "${name}", which is ${kindOf(value)} and no function`;
    return `has no export "${name}"${listed(this.names)}`;
  }
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return /^[aeiou]/.test(typeof value) ? `an ${typeof value}` : `a ${typeof value}`;
}

/** How many names a message has. */
const MAX_LISTED = 20;

function listed(names: Iterable<string>): string {
  const all = [...names].toSorted();
  const more = all.length > MAX_LISTED ? ", ..." : "";
  return all.length === 0 ? "" : ` (it has ${all.slice(0, MAX_LISTED).join(", ")}${more})`;
}

/** The version of a task module that names none: a hash of its file. */
export async function versionOf(url: string): Promise<string> {
  const bytes = await readFile(fileURLToPath(url));
  return createHash("sha256").update(bytes).digest("hex").slice(0, VERSION_LENGTH);
}
