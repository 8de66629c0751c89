/** A temporary folder of programs that import "asynccpu" by its name, as users' programs do. */

import { spawnSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { cpSync } from "node:fs";
import { existsSync } from "node:fs";
import { mkdirSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { readFileSync } from "node:fs";
import { realpathSync } from "node:fs";
import { rmSync } from "node:fs";
import { symlinkSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The root of this checkout. */
export const CHECKOUT: string = fileURLToPath(new URL("../../../", import.meta.url));

/** The command of tsx, as `npx tsx` runs it. */
export const TSX_COMMAND: string = path.join(CHECKOUT, "node_modules", "tsx", "dist", "cli.mjs");

const LIMIT_MS = 60_000;

/** How a program is run. */
export interface RunOptions {
  /** What it reads from its standard input. */
  readonly input?: string;
  /** Added to this process's environment; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** In place of this Node. */
  readonly command?: string;
  /** Below the folder; default: the folder itself. */
  readonly cwd?: string;
}

/** How a program ended, and what it wrote. */
export interface RunResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The environment for programs: without what a test runner has put there, which a `node --test` inside would obey, and
 * without coverage: a loader such as tsx compiles this package's files anew, and reports positions in another text
 * under the same name, which spoils the counts of everybody else.
 */
function programEnvironment(env: RunOptions["env"] = {}): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, ...others } = process.env;
  // Empty, and not left out: what is left out Node takes from this process.
  return { ...others, NODE_V8_COVERAGE: "", ...env };
}

export class ProgramFolder implements Disposable {
  readonly path: string;
  readonly #root: string;

  /** @param name - The folder's own name, below a temporary one of random name. */
  constructor(name = "app") {
    this.#root = realpathSync(mkdtempSync(path.join(tmpdir(), "asynccpu-programs-")));
    this.path = path.join(this.#root, name);
    mkdirSync(this.path);
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true });
  }

  /** Path of a file of this folder. */
  at(...names: readonly string[]): string {
    return path.join(this.path, ...names);
  }

  /** Writes programs; a missing folder is made. */
  write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(this.at(name)), { recursive: true });
      writeFileSync(this.at(name), text);
    }
  }

  /**
   * Puts the compiled package under test in `node_modules`, as pnpm does: a link to a folder elsewhere, and its
   * command. No registry is asked.
   */
  linkPackage(): void {
    const store = path.join(this.#root, "store", "asynccpu");
    mkdirSync(store, { recursive: true });
    cpSync(path.join(CHECKOUT, "package.json"), path.join(store, "package.json"));
    symlinkSync(path.join(CHECKOUT, "dist"), path.join(store, "dist"), "junction");
    mkdirSync(this.at("node_modules", ".bin"), { recursive: true });
    symlinkSync(store, this.at("node_modules", "asynccpu"), "junction");
    const command = path.join(CHECKOUT, "dist", "cli.cjs");
    if (!existsSync(command)) return;
    chmodSync(command, 0o755);
    symlinkSync(command, this.at("node_modules", ".bin", "asynccpu"));
  }

  /** Unpacks an archive of the package, as npm does, and links what it depends on. No registry is asked. */
  installArchive(archive: string): void {
    mkdirSync(this.at("node_modules", "asynccpu"), { recursive: true });
    const options = ["--strip-components=1", "-C", path.join("node_modules", "asynccpu")];
    const { status, stderr } = this.run(["-xzf", archive, ...options], { command: "tar" });
    if (status !== 0) throw new Error(stderr);
    const text = readFileSync(this.at("node_modules", "asynccpu", "package.json"), "utf8");
    const { dependencies = {} } = JSON.parse(text) as { dependencies?: Readonly<Record<string, string>> };
    for (const name of Object.keys(dependencies)) {
      symlinkSync(path.join(CHECKOUT, "node_modules", name), this.at("node_modules", name), "junction");
    }
  }

  /** Runs Node (or another command) here to its end, 60 s at most. */
  run(args: readonly string[], { input = "", env, command = process.execPath, cwd = "" }: RunOptions = {}): RunResult {
    const { status, signal, stdout, stderr, error } = spawnSync(command, args, {
      cwd: this.at(cwd),
      encoding: "utf8",
      env: programEnvironment(env),
      input,
      // npm is a batch file on Windows.
      shell: process.platform === "win32" && command === "npm",
      timeout: LIMIT_MS,
    });
    if (error !== undefined) throw error;
    if (signal !== null) throw new Error(`Ended by ${signal}: ${command} ${args.join(" ")}\n${stdout}\n${stderr}`);
    return { status, stdout, stderr };
  }
}
