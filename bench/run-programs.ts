/** Whole programs, from start to exit, as a user waits for them: no warm-up, a pool of two workers, few tasks. */

import { cpSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { mkdtempSync } from "node:fs";
import { mkdirSync } from "node:fs";
import { realpathSync } from "node:fs";
import { rmSync } from "node:fs";
import { spawn } from "node:child_process";
import { symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { formatFigure } from "./results.js";
import { layOutTable } from "./report.js";
import { median } from "./measure.js";
import { showProgress } from "./progress.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const ROUNDS = 7;
const QUICK_ROUNDS = 3;
const LIMIT_MS = 60_000;

const PEERS = ["tinypool.mjs", "jest-worker.mjs", "poolifier.mjs", "piscina.mjs", "fork.mjs"] as const;

/** One row: programs that do the same, by the titles of their columns. */
interface ProgramRow {
  readonly title: string;
  readonly count: number;
  readonly files: Readonly<Record<string, string>>;
}

function withPeers(title: string, count: number): ProgramRow {
  const files = Object.fromEntries(PEERS.map((file) => [path.parse(file).name, file]));
  return { title, count, files: { asynccpu: "asynccpu.mjs", ...files } };
}

const ROWS: readonly ProgramRow[] = [
  { title: "nothing", count: 0, files: { asynccpu: "bare.cjs" } },
  { title: "import alone", count: 0, files: { asynccpu: "import.mjs" } },
  withPeers("10 no-op tasks", 10),
  { title: "10 of a function with an import and a constant", count: 10, files: { asynccpu: "captured.mjs" } },
  { title: "the same, CommonJS", count: 10, files: { asynccpu: "captured.cjs" } },
  withPeers("1,000 no-op tasks", 1000),
  { title: "the same, written in the call", count: 1000, files: { asynccpu: "in-call.mjs" } },
  withPeers("10,000 no-op tasks", 10_000),
];

/** The times of one program on one Node, in milliseconds. */
export interface ProgramTimes {
  readonly node: string;
  readonly row: string;
  readonly column: string;
  readonly timesMs: number[];
}

/** Puts the programs and all that they import into a folder of their own, as an installation has them. */
function layOutPrograms(): string {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), "asynccpu-bench-")));
  cpSync(path.join(ROOT, "bench", "programs"), folder, { recursive: true });
  const own = path.join(folder, "node_modules", "asynccpu");
  mkdirSync(own, { recursive: true });
  cpSync(path.join(ROOT, "package.json"), path.join(own, "package.json"));
  cpSync(path.join(ROOT, "dist"), path.join(own, "dist"), { recursive: true });
  symlinkSync(path.join(ROOT, "node_modules"), path.join(own, "node_modules"), "junction");
  for (const name of ["tinypool", "jest-worker", "poolifier", "piscina"]) {
    symlinkSync(path.join(ROOT, "bench", "node_modules", name), path.join(folder, "node_modules", name), "junction");
  }
  return folder;
}

/** @throws Error when the program fails, gives wrong values, or hangs. */
function time(node: string, script: string, count: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(node, [script, String(count)], {
      stdio: ["ignore", "ignore", "inherit"],
      timeout: LIMIT_MS,
      killSignal: "SIGKILL",
    });
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      if (code === 0) resolve(performance.now() - start);
      else reject(new Error(`${script} with ${count} tasks ended with ${signal ?? code}`));
    });
  });
}

/**
 * Times all programs in interleaved rounds.
 *
 * @param nodes - Paths of Node binaries, by their titles.
 */
export async function runPrograms(
  nodes: Readonly<Record<string, string>>,
  isQuick: boolean,
): Promise<readonly ProgramTimes[]> {
  const all: ProgramTimes[] = [];
  for (const node of Object.keys(nodes)) {
    for (const { title, files } of ROWS) {
      for (const column of Object.keys(files)) all.push({ node, row: title, column, timesMs: [] });
    }
  }
  const rounds = isQuick ? QUICK_ROUNDS : ROUNDS;
  const folder = layOutPrograms();
  try {
    for (let round = 1; round <= rounds; round += 1) {
      showProgress(`whole programs, round ${round} of ${rounds} ...`);
      for (const { node, row, column, timesMs } of all) {
        const { files, count } = ROWS.find(({ title }) => title === row) as ProgramRow;
        timesMs.push(await time(nodes[node] as string, path.join(folder, files[column] as string), count));
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
    showProgress("");
  }
  return all;
}

/** A table for each Node: medians in milliseconds, smallest and largest behind. */
export function formatPrograms(all: readonly ProgramTimes[]): string {
  const columns = ["asynccpu", ...PEERS.map((file) => path.parse(file).name)];
  const cell = (times: readonly number[] | undefined): string =>
    times === undefined
      ? "-"
      : `${formatFigure(median(times))} (${formatFigure(Math.min(...times))}..${formatFigure(Math.max(...times))})`;
  const table = (node: string): string => {
    const own = all.filter((each) => each.node === node);
    const cellsOf = (title: string): string[] =>
      columns.map((column) => cell(own.find((each) => each.row === title && each.column === column)?.timesMs));
    const body = ROWS.map(({ title }) => [title].concat(cellsOf(title)));
    return `${node}, from start to exit, ms\n\n${layOutTable(["program", ...columns], body, 1)}`;
  };
  return [...new Set(all.map(({ node }) => node))].map(table).join("\n\n");
}
