import { fileURLToPath } from "node:url";
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

/** What a probe measured, or why it did not. */
export type ProbeOutcome<T> = { readonly figures: T } | { readonly failure: string; readonly isHung: boolean };

/** Node's exit code when the main module still awaits something and the event loop is empty. */
const UNSETTLED = "13";

/** The probe that runs now; a signal that ends the bench must reach it, though it has a process group of its own. */
let running: number | undefined;

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // All of it has ended.
  }
}

for (const [signal, exitCode] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  process.once(signal, () => {
    if (running !== undefined) killGroup(running);
    process.exit(exitCode);
  });
}

/** The line of a crash report that says what happened. */
function reasonIn(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "");
  return (lines.find((line) => /^\w*(?:Error|Exception)\b/.test(line)) ?? lines.at(-1) ?? "no word of why").trim();
}

/**
 * Runs a compiled file in a process of its own. It prints one line of JSON.
 *
 * Whatever it left in its process group is killed: a contender that hangs, or leaves workers behind, must not disturb
 * the next one.
 */
export async function runProbe<T = Record<string, number>>(
  script: URL,
  args: readonly string[],
  limitMs: number,
  nodeOptions: readonly string[] = [],
): Promise<ProbeOutcome<T>> {
  const child = spawn(process.execPath, [...nodeOptions, fileURLToPath(script), ...args], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  running = child.pid;
  const pid = child.pid as number;
  let isHung = false;
  const timer = setTimeout(() => {
    isHung = true;
    killGroup(pid);
  }, limitMs);
  const status = new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      killGroup(pid);
      resolve(signal ?? String(code));
    });
  });
  const [stdout, stderr, end] = await Promise.all([text(child.stdout), text(child.stderr), status]);
  clearTimeout(timer);
  running = undefined;
  if (isHung) return { failure: `gave no result within ${limitMs / 1000} s`, isHung };
  if (end === UNSETTLED) return { failure: "a promise never settled, and nothing was left to wait for", isHung };
  if (end !== "0") return { failure: `${reasonIn(stderr)} (ended with ${end})`, isHung };
  return { figures: JSON.parse(stdout) as T };
}
