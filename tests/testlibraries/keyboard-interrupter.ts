/** Ctrl-C in three ways: to the program alone, to its process group, and as a keystroke in a real terminal. */

import type { ProgramOptions } from "./process-family.js";
import { RunningProgram } from "./process-family.js";

const CONTROL_C = "\u0003";

/** SIGINT to the program alone, as `kill -INT PID` does. */
export function interruptAlone(program: RunningProgram): void {
  program.kill("SIGINT");
}

/**
 * SIGINT to the program and all of its process group, as a terminal does with its foreground job. The program must
 * have been started with `detached: true`.
 */
export function interruptForegroundGroup(program: RunningProgram): void {
  program.killGroup("SIGINT");
}

function quote(argument: string): string {
  return `'${argument.replaceAll("'", "'\\''")}'`;
}

/**
 * Runs a Node program in a pseudo-terminal of its own, by `script` of bsdutils. Output and errors both come as
 * `stdout`, with CR LF at line ends. The `code` at its end is that of a shell: 130 when SIGINT ended the program.
 *
 * The `pid` is that of `script`, not of the program.
 */
export function startInTerminal(path: string, options: ProgramOptions = {}): RunningProgram {
  const { args = [], execArgv = [], ...others } = options;
  const commandLine = [process.execPath, ...execArgv, path, ...args].map(quote).join(" ");
  return new RunningProgram(path, {
    ...others,
    command: "script",
    // -q: no start and end messages; -e: the program's status; -c: the command; no transcript.
    args: ["-qec", `exec ${commandLine}`, "/dev/null"],
  });
}

/** Presses Ctrl-C in the terminal of `startInTerminal`: the kernel sends SIGINT to the foreground group. */
export function pressControlC(program: RunningProgram): void {
  program.write(CONTROL_C);
}
