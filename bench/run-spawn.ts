import { layOutTable } from "./report.js";
import { median } from "./measure.js";
import { runProbe } from "./run-probe.js";
import { showProgress } from "./progress.js";

const PROBE = new URL("./spawn-probe.js", import.meta.url);
const LIMIT_MS = 120_000;
const PARENTS_MIB = [1, 64, 512, 2048];
const ROUNDS = 21;
const QUICK_ROUNDS = 5;
const MIB = 1024 ** 2;

/** What starting a process cost its parent. */
export interface SpawnBlock {
  /** So much memory was taken beforehand. */
  readonly mib: number;
  readonly rssBytes: number;
  /** By `child_process.spawn`, in milliseconds. */
  readonly forkMs: number[];
  /** Natively, where the calls are bound first, in milliseconds. */
  readonly firstNativeMs: number[];
  /** Natively, in milliseconds. */
  readonly nativeMs: number[];
}

function formatTimes(times: readonly number[]): string {
  const [middle, least, most] = [median(times), Math.min(...times), Math.max(...times)].map((ms) => ms.toFixed(2));
  return `${middle} (${least}..${most})`;
}

export function formatSpawn(blocks: readonly SpawnBlock[]): string {
  const head = [
    "memory taken MiB",
    "RSS MiB",
    "child_process.spawn ms",
    "posix_spawn ms",
    "the very first, with koffi ms",
  ];
  const body = blocks.map(({ mib, rssBytes, forkMs, firstNativeMs, nativeMs }) => [
    String(mib),
    (rssBytes / MIB).toFixed(),
    formatTimes(forkMs),
    formatTimes(nativeMs),
    (firstNativeMs[0] ?? Number.NaN).toFixed(1),
  ]);
  return layOutTable(head, body, 0);
}

/** @throws Error when a probe fails. */
export async function runSpawn(isQuick: boolean): Promise<SpawnBlock[]> {
  const blocks: SpawnBlock[] = [];
  for (const mib of PARENTS_MIB) {
    showProgress(`starting processes from one with ${mib} MiB ...`);
    const rounds = isQuick ? QUICK_ROUNDS : ROUNDS;
    const outcome = await runProbe<SpawnBlock>(PROBE, [String(mib), String(rounds)], LIMIT_MS);
    showProgress("");
    if ("failure" in outcome) throw new Error(`Starting processes failed: ${outcome.failure}`);
    blocks.push(outcome.figures);
  }
  return blocks;
}
