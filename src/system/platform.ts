/**
 * Everything that this layer asks of the operating system, as one object, so that the paths for macOS and Windows can
 * be tested on Linux with a fake.
 */

import process from "node:process";
import { readFileSync } from "node:fs";
import { readdirSync } from "node:fs";

/** What a command printed, and the process that ran it (it shows up in the very list that `ps` prints). */
export interface CommandResult {
  readonly stdout: string;
  readonly pid: number | undefined;
}

/** The operating system, as far as this layer needs it. */
export interface Platform {
  readonly name: NodeJS.Platform;
  /** Id of the calling process. */
  readonly pid: number;
  /** As `process.kill`: throws ESRCH, EPERM; a negative pid means a process group. */
  kill(pid: number, signal: NodeJS.Signals | number): void;
  /** Text of a file; throws when it can't be read. */
  readText(path: string): string;
  /** Names in a directory; throws when it can't be read. */
  listDirectory(path: string): readonly string[];
  /** Runs a command to its end; rejects when it can't be started or fails. */
  run(command: string, args: readonly string[]): Promise<CommandResult>;
  /** As `run`, blocking; throws. */
  runSync(command: string, args: readonly string[]): CommandResult;
}

const COMMAND_LIMIT_MS = 10_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

interface CommandOptions {
  readonly encoding: "utf8";
  readonly env: NodeJS.ProcessEnv;
  readonly killSignal: "SIGKILL";
  readonly maxBuffer: number;
  readonly timeout: number;
  readonly windowsHide: true;
}

function commandOptions(): CommandOptions {
  return {
    encoding: "utf8",
    // `ps` prints start times in the language and the time zone of its environment; they must compare equal later.
    env: { ...process.env, LC_ALL: "C", TZ: "UTC" },
    killSignal: "SIGKILL",
    maxBuffer: MAX_OUTPUT_BYTES,
    timeout: COMMAND_LIMIT_MS,
    windowsHide: true,
  };
}

function run(command: string, args: readonly string[]): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    // Loaded at the first use, here and below: in a worker on Linux there is none.
    const child = process
      .getBuiltinModule("node:child_process")
      .execFile(command, args, commandOptions(), (error, stdout) => {
        if (error === null) resolve({ stdout, pid: child.pid });
        else reject(error);
      });
  });
}

function runSync(command: string, args: readonly string[]): CommandResult {
  // Not execFileSync: it doesn't tell the pid.
  const { error, pid, status, stdout } = process.getBuiltinModule("node:child_process").spawnSync(command, args, {
    ...commandOptions(),
    stdio: ["ignore", "pipe", "ignore"],
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ended with status ${status}.`);
  return { stdout, pid };
}

/** The operating system that this process runs on. */
export const hostPlatform: Platform = {
  name: process.platform,
  pid: process.pid,
  kill: (pid, signal) => {
    process.kill(pid, signal);
  },
  // UTF-8, although a command's name may be any bytes: it is the one encoding that Node reads without a copy, and
  // nothing is taken from the bytes that it replaces.
  readText: (path) => readFileSync(path, "utf8"),
  listDirectory: (path) => readdirSync(path),
  run,
  runSync,
};
