/** The module whose exports are the tasks that hosts run. */

import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { pathToFileURL } from "node:url";
import { readFile } from "node:fs/promises";

import { InvalidOptionError } from "../../errors.js";
import { externalOf } from "../../pickle/refer/provenance.js";
import { importValue } from "../../pickle/refer/import-value.js";

/** How much of the hash tells a version from others. */
const VERSION_LENGTH = 12;

type AnyFunction = (...args: never[]) => unknown;

/** The URL of a task module, however it was given. @throws InvalidOptionError for what is no place of a file. */
export function taskModuleUrl(tasks: unknown): string {
  if (tasks instanceof URL) return tasks.href;
  if (typeof tasks !== "string" || tasks === "") {
    throw new InvalidOptionError("tasks", "the URL of a module, or a path", tasks);
  }
  return /^[a-z][a-z\d+.-]+:/i.test(tasks) ? tasks : pathToFileURL(tasks).href;
}

/** A task module, loaded: which exports of it are functions. */
export class TaskModule {
  readonly url: string;
  readonly version: string;
  readonly #functions: ReadonlyMap<string, AnyFunction>;

  private constructor(url: string, version: string, functions: ReadonlyMap<string, AnyFunction>) {
    this.url = url;
    this.version = version;
    this.#functions = functions;
  }

  /** @param version - Default: a hash of the file. */
  static async load(url: string, version: string | undefined): Promise<TaskModule> {
    const { value } = await importValue({ kind: "import", specifier: url, referrer: url, path: [] });
    const exports = value as Record<string, unknown>;
    const names = Object.keys(exports).filter((name) => typeof exports[name] === "function");
    const functions = new Map(names.map((name) => [name, exports[name] as AnyFunction]));
    return new TaskModule(url, version ?? (await versionOf(url)), functions);
  }

  /** The names of the exports that are functions. */
  get names(): readonly string[] {
    return [...this.#functions.keys()];
  }

  /** Whether there is such a task. */
  has(name: string): boolean {
    return this.#functions.has(name);
  }

  /** Under which name a function is exported, if it is. */
  nameOf(fn: object): string | undefined {
    const external = externalOf(fn);
    if (external?.kind === "import" && external.specifier === this.url && external.path.length === 1) {
      const [name = ""] = external.path;
      if (this.#functions.has(name)) return name;
    }
    for (const [name, exported] of this.#functions) if (exported === fn) return name;
    return undefined;
  }
}

/** The version of a task module that names none: a hash of its file. */
export async function versionOf(url: string): Promise<string> {
  const bytes = await readFile(fileURLToPath(url));
  return createHash("sha256").update(bytes).digest("hex").slice(0, VERSION_LENGTH);
}
