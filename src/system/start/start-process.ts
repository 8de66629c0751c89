import process from "node:process";
import { isMainThread } from "node:worker_threads";
import { spawn } from "node:child_process";
import type { Readable } from "node:stream";

import { ChildReaper } from "./child-reaper.js";
import { NativeProcess } from "./native-process.js";
import { bindNativeSpawn } from "./native-spawn.js";
import { loadForeignFunctions } from "../foreign-functions.js";
import type { NativeSpawn } from "./native-spawn.js";
import type { SpawnHost } from "./native-spawn.js";
import type { Stdio } from "./native-process.js";

/** The part of `ChildProcess` that is used. */
export interface StartedProcess {
  /** Absent when it could not be started; `error` is emitted then. */
  readonly pid?: number | undefined;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Absent when descriptors have run out. */
  readonly stdio: readonly unknown[] | undefined;
  on(event: "error", listener: (error: Error) => void): unknown;
  /** Its streams may still have data. */
  on(event: "exit", listener: (exitCode: number | null, signal: NodeJS.Signals | null) => void): unknown;
}

/** How a process is started. */
export interface StartProcessOptions {
  readonly stdio: readonly Stdio[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string | undefined;
}

/** Where this process runs; a test has its own. */
export interface StartHost extends SpawnHost {
  readonly isMainThread: boolean;
  /**
   * From so much resident memory on, in bytes, processes are started natively: below, loading koffi (10 ms, 3 MiB)
   * costs more than it saves.
   */
  readonly thresholdBytes: number;
}

const host: StartHost = {
  platform: process.platform,
  arch: process.arch,
  // Asked when it is needed: a small program need not load node:worker_threads.
  get isMainThread() {
    return isMainThread;
  },
  loadForeignFunctions,
  thresholdBytes: 192 * 1024 * 1024,
};

interface Starter {
  readonly native: NativeSpawn;
  readonly reaper: ChildReaper;
}

let currentHost = host;
/** `undefined` before the first try, `null` where it can't be done. */
let starter: Starter | null | undefined;

function isLarge(thresholdBytes: number): boolean {
  try {
    return process.memoryUsage.rss() >= thresholdBytes;
  } catch {
    // There is no /proc.
    return false;
  }
}

function bind(): Starter | null {
  try {
    const native = bindNativeSpawn(currentHost);
    return { native, reaper: new ChildReaper(process, (pid) => native.collect(pid)) };
  } catch {
    return null;
  }
}

function nativeStarter(): Starter | undefined {
  if (starter === undefined) {
    const { platform, thresholdBytes } = currentHost;
    if (platform !== "linux") starter = null;
    // A thread has no signals. And Node's permission model is for `child_process` to apply.
    else if (isLarge(thresholdBytes)) starter = currentHost.isMainThread && !("permission" in process) ? bind() : null;
  }
  return starter ?? undefined;
}

/** As `child_process` makes it. `undefined` for values that it has to judge. */
function environmentPairs(env: NodeJS.ProcessEnv): string[] | undefined {
  const pairs: string[] = [];
  const add = (name: string, value: unknown): boolean => {
    if (value !== undefined) pairs.push(`${name}=${value as string}`);
    return value === undefined || typeof value === "string";
  };
  // Inherited ones count for `child_process`, too.
  for (const name in env) if (!add(name, env[name])) return undefined;
  // A coverage run includes the processes that it starts.
  if (!Object.hasOwn(env, "NODE_V8_COVERAGE")) add("NODE_V8_COVERAGE", process.env["NODE_V8_COVERAGE"]);
  return pairs;
}

function startNatively(
  file: string,
  args: readonly string[],
  { stdio, env, cwd }: StartProcessOptions,
): StartedProcess | undefined {
  const start = nativeStarter();
  const pairs = start === undefined ? undefined : environmentPairs(env);
  if (start === undefined || pairs === undefined) return undefined;
  const argv = [file, ...args];
  if ([...argv, ...pairs, cwd ?? ""].some((text) => text.includes("\0"))) return undefined;
  try {
    return new NativeProcess(start.native, start.reaper, { file, argv, env: pairs, cwd, stdio });
  } catch {
    return undefined;
  }
}

/**
 * Starts a process, which leads a session and a group of its own (not on Windows) and doesn't keep this one running.
 *
 * In a process with much memory `child_process.spawn` blocks for long; there it is started by other means, where there
 * are any. Whatever goes wrong then is left to `child_process`, so there is one kind of errors.
 *
 * @throws What `spawn` throws, for example for an environment with invalid values.
 */
export function startProcess(file: string, args: readonly string[], options: StartProcessOptions): StartedProcess {
  const started = startNatively(file, args, options);
  if (started !== undefined) return started;
  const { stdio, env, cwd } = options;
  const child = spawn(file, args, {
    stdio: [...stdio],
    env,
    ...(cwd === undefined ? {} : { cwd }),
    // A process group of its own, so that one kill reaches all that a task has started. Not on Windows, where it would
    // open a console window and leave libuv's kill-on-close job.
    detached: process.platform !== "win32",
    windowsHide: true,
  });
  child.unref();
  return child;
}

/** Starts anew on another host; for tests. */
export function useStartHost(changes: Partial<StartHost> = {}): void {
  currentHost = { ...host, ...changes };
  starter = undefined;
}
