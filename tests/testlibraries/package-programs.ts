/** The programs of tests/packages/cases in every form, each run in a process of its own. */

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdirSync } from "node:fs";
import { symlinkSync } from "node:fs";
import path from "node:path";

import { CHECKOUT } from "./program-folder.js";
import { ProgramFolder } from "./program-folder.js";
import { installPackages } from "./install-packages.js";
import { runNpm } from "./install-packages.js";

const FOLDER = path.join(CHECKOUT, "tests", "packages");
/** How long one program may take: bundles of zod and pug have taken more than a minute on a busy machine. */
const LIMIT_MS = 240_000;

/** In which form people run such a program; each is a folder that tests/packages/build.mjs makes. */
export const PACKAGE_FORMS = { module: ".mjs", commonjs: ".cjs", bundle: ".cjs" } as const;

export type PackageForm = keyof typeof PACKAGE_FORMS;

/** The names of the cases. */
export function packageCases(): string[] {
  return readdirSync(path.join(FOLDER, "cases")).map((file) => file.replace(/\.(mjs|ts)$/, ""));
}

/** What a call gave, in this process or in a worker. */
type Outcome = { readonly value?: unknown } | { readonly error: string };

/** What one program has printed. */
export interface CaseOutcomes {
  /** Of each call. */
  readonly here: readonly Outcome[];
  /** The same for each round in a worker. */
  readonly there: readonly (readonly Outcome[])[];
}

/**
 * Puts better-sqlite3 where the programs find it: 12 has to be compiled, 13 brings its binaries, and crashes on Node
 * 20.
 *
 * @returns Why there is none.
 */
function placeSqlite(programs: ProgramFolder): string | undefined {
  if (Number(process.versions.node.split(".")[0]) >= 22) {
    const target = programs.at("node_modules", "better-sqlite3");
    symlinkSync(path.join(FOLDER, "node_modules", "better-sqlite3-13"), target, "junction");
    return undefined;
  }
  if (existsSync(path.join(FOLDER, "node_modules", "better-sqlite3", "build", "Release", "better_sqlite3.node"))) {
    return undefined;
  }
  // Without optimisation it takes half a minute in place of three.
  const env = { CFLAGS: "-O0", CXXFLAGS: "-O0", npm_config_build_from_source: "true" };
  const failure = runNpm(FOLDER, ["rebuild", "better-sqlite3"], env);
  return failure && `better-sqlite3 12 can't be compiled here: ${failure}`;
}

export class PackagePrograms implements Disposable {
  /** Cases that can't be run on this machine, and why. */
  readonly lacking: ReadonlyMap<string, string>;
  readonly #folder: ProgramFolder;

  /** @throws What is lacking when packages can't be installed. */
  constructor() {
    installPackages(FOLDER);
    this.#folder = new ProgramFolder();
    this.#folder.linkPackage();
    const beside = path.join(path.dirname(this.#folder.path), "node_modules");
    symlinkSync(path.join(FOLDER, "node_modules"), beside, "junction");
    const lacksSqlite = placeSqlite(this.#folder);
    this.lacking = new Map(lacksSqlite === undefined ? [] : [["better-sqlite3", lacksSqlite]]);
    const { status, stdout, stderr } = this.#folder.run([path.join(FOLDER, "build.mjs"), this.#folder.path]);
    if (status !== 0) throw new Error(`The programs could not be built:\n${stdout}\n${stderr}`);
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }

  /** Runs one program to its end. */
  async run(form: PackageForm, name: string): Promise<CaseOutcomes> {
    const file = path.join("cases", name + PACKAGE_FORMS[form]);
    const { NODE_TEST_CONTEXT: _, NODE_V8_COVERAGE: __, ...env } = process.env;
    // A program whose loop is blocked hears no other signal.
    const options = { cwd: this.#folder.at(form), env, timeout: LIMIT_MS, killSignal: "SIGKILL" } as const;
    const output = await new Promise<string>((resolve, reject) => {
      execFile(process.execPath, [file], options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`${form}/${file} failed:\n${stdout}\n${stderr}`, { cause: error }));
      });
    });
    const lines = output.trimEnd().split("\n");
    return JSON.parse(lines.at(-1) ?? "") as CaseOutcomes;
  }
}
