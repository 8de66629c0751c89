/** Runs a program as a child, talks to it in lines, and ends whatever it has started. */

import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";

import { descendantsOf } from "./process-inspection.js";
import { isAlive } from "./process-inspection.js";
import { processesCarrying } from "./process-inspection.js";
import { waitUntil } from "./wait-until.js";

export { cpuTimeMsOf } from "./process-inspection.js";
export { isAlive } from "./process-inspection.js";
export { processesCarrying } from "./process-inspection.js";

/** How to run a program. */
export interface ProgramOptions {
  readonly args?: readonly string[];
  /** Added to this process's environment; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Options of Node, such as `--import`. */
  readonly execArgv?: readonly string[];
  /** Whether it leads a session and a process group of its own, as a shell's foreground job does. Default: false. */
  readonly detached?: boolean;
  /** In place of Node; `args` are then all its arguments and the program's path is not among them. */
  readonly command?: string;
}

/** How a program ended. */
export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Environment variable that marks a program and whatever it starts, for `dispose`. */
const TEST_MARKER_VARIABLE = "ASYNCCPU_TEST_MARKER";

/** Path of the compiled fixture program, for example `fixturePath("ignores-sigterm")`. */
export function fixturePath(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}.js`, import.meta.url));
}

/** A program that runs, or has run. Use it with `await using`, so that nothing of it is left after the test. */
export class RunningProgram implements AsyncDisposable {
  readonly pid: number;
  /** Value of `TEST_MARKER_VARIABLE` in its environment. */
  readonly marker: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #end: Promise<ProgramEnd>;
  readonly #knownPids = new Set<number>();
  readonly #isDetached: boolean;
  #stdout = "";
  #stderr = "";
  #hasEnded = false;

  constructor(program: string, options: ProgramOptions) {
    this.marker = randomBytes(8).toString("hex");
    this.#isDetached = options.detached ?? false;
    const { args = [], command, cwd, env, execArgv = [] } = options;
    const fullArgs = command === undefined ? [...execArgv, program, ...args] : args;
    this.#child = spawn(command ?? process.execPath, fullArgs, {
      cwd,
      detached: this.#isDetached,
      env: { ...process.env, ...env, [TEST_MARKER_VARIABLE]: this.marker },
      stdio: ["pipe", "pipe", "pipe"],
    });
    // Writing to a program that has ended is no error of the test.
    this.#child.stdin.on("error", () => {});
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => (this.#stdout += text));
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
    this.#end = new Promise((resolve, reject) => {
      this.#child.on("error", reject);
      // `exit`, not `close`: a descendant that holds the streams open must not hide that the program has ended.
      this.#child.on("exit", (code, signal) => {
        this.#hasEnded = true;
        // What it wrote last may still be in the pipe.
        setImmediate(() => setImmediate(() => resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr })));
      });
    });
    this.#end.catch(() => {});
    if (this.#child.pid === undefined) throw new Error(`Can't start ${command ?? process.execPath}.`);
    this.pid = this.#child.pid;
  }

  /** All that it has written to its standard output so far. */
  get stdout(): string {
    return this.#stdout;
  }

  /** All that it has written to its standard error so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Whether it has ended. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /**
   * Waits for a whole line on its standard output, also one written before.
   *
   * @throws Error with all its output when the line doesn't come in time, or the program ends without it.
   */
  async waitForLine(pattern: RegExp, deadlineMs = 50_000): Promise<RegExpExecArray> {
    const find = (): RegExpExecArray | undefined => {
      for (const line of this.#stdout.split("\n").slice(0, -1)) {
        const match = pattern.exec(line);
        if (match !== null) return match;
      }
      return undefined;
    };
    try {
      const isOver = (): boolean => this.#hasEnded && this.#child.stdout.readableEnded;
      await waitUntil(() => find() !== undefined || isOver(), { deadlineMs, what: `a line like ${pattern}` });
    } catch (error) {
      throw new Error(`${String(error)}\nstdout:\n${this.#stdout}\nstderr:\n${this.#stderr}`, { cause: error });
    }
    const match = find();
    if (match === undefined) {
      throw new Error(`Ended without a line like ${pattern}\nstdout:\n${this.#stdout}\nstderr:\n${this.#stderr}`);
    }
    return match;
  }

  /** The pid that it announced with a line `pid NAME NUMBER`; ended by `dispose`. */
  async waitForPid(name: string): Promise<number> {
    const match = await this.waitForLine(new RegExp(`^pid ${name} (\\d+)$`));
    const pid = Number(match[1]);
    this.#knownPids.add(pid);
    return pid;
  }

  /** Writes a line to its standard input. */
  writeLine(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Writes characters to its standard input, such as a terminal's control characters. */
  write(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Sends a signal to it alone. */
  kill(signal: NodeJS.Signals): void {
    if (!this.#hasEnded) process.kill(this.pid, signal);
  }

  /** Sends a signal to its whole process group; it must have been started with `detached`. */
  killGroup(signal: NodeJS.Signals): void {
    if (!this.#isDetached) throw new Error("Its group is the test's own: start it with detached: true.");
    process.kill(-this.pid, signal);
  }

  /** Waits until it has ended. */
  async waitForEnd(deadlineMs = 50_000): Promise<ProgramEnd> {
    try {
      await waitUntil(() => this.#hasEnded, { deadlineMs, what: `the end of process ${this.pid}` });
    } catch (error) {
      throw new Error(`${String(error)}\nstdout:\n${this.#stdout}\nstderr:\n${this.#stderr}`, { cause: error });
    }
    return this.#end;
  }

  /** Living processes that carry its marker, itself included. */
  survivors(): number[] {
    return processesCarrying(TEST_MARKER_VARIABLE, this.marker);
  }

  /** Waits until nothing of it is left; what guards a pool takes a moment to see the program's end. */
  async waitForNobody(): Promise<void> {
    await waitUntil(() => this.survivors().length === 0, { deadlineMs: 2000, what: "the end of all its processes" });
  }

  /** Kills it and whatever it has started: by marker, by parent, and those announced by `waitForPid`. */
  async dispose(): Promise<void> {
    const leftovers = (): number[] => [
      ...new Set([
        ...(this.#hasEnded ? [] : [this.pid, ...descendantsOf(this.pid)]),
        ...this.survivors(),
        ...[...this.#knownPids].filter(isAlive),
      ]),
    ];
    await waitUntil(
      () => {
        const pids = leftovers();
        for (const pid of pids) {
          try {
            process.kill(pid, "SIGKILL");
          } catch {
            // It has ended by itself.
          }
        }
        return pids.length === 0;
      },
      { what: `the end of all that process ${this.pid} has started` },
    );
    this.#child.stdin.destroy();
    this.#child.stdout.destroy();
    this.#child.stderr.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}

/** Starts a Node program by the path of its file. */
export function startProgram(path: string, options: ProgramOptions = {}): RunningProgram {
  return new RunningProgram(path, options);
}

/** Starts a fixture by its name, for example `startFixture("ignores-sigterm")`. */
export function startFixture(name: string, options: ProgramOptions = {}): RunningProgram {
  return new RunningProgram(fixturePath(name), options);
}
