import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import type { Measure } from "./measure.js";
import type { Sizes } from "./measure.js";

const PROBE_PATH = fileURLToPath(new URL("./probe.js", import.meta.url));

/** Longer than any measure takes: a contender that hangs must not hang the bench. */
const PROBE_LIMIT_MS = 120_000;

const execute = promisify(execFile);

/** Measures once. @throws Error with the probe's stderr when it fails, a wrong result included. */
export async function runProbe(measure: Measure, contender: string, sizes: Sizes): Promise<Record<string, number>> {
  const args = [PROBE_PATH, measure.id, contender, JSON.stringify(sizes)];
  const { stdout } = await execute(process.execPath, args, { timeout: PROBE_LIMIT_MS, killSignal: "SIGKILL" });
  return JSON.parse(stdout) as Record<string, number>;
}
