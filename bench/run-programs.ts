/**
 * Whole programs with a pool of two workers, as a user waits for them: few tasks, from start to exit, and no warm-up;
 * and tasks of milliseconds after eight of their kind.
 */

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

import { calibrate } from "./machine.js";
import { formatFigure } from "./results.js";
import { layOutTable } from "./report.js";
import { median } from "./measure.js";
import { showProgress } from "./progress.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const ROUNDS = 7;
const QUICK_ROUNDS = 3;
const LIMIT_MS = 60_000;

const PEERS = ["tinypool.mjs", "jest-worker.mjs", "poolifier.mjs", "piscina.mjs", "fork.mjs"] as const;

/** `calibrate` measures one of 50 µs. */
const TASKS_PER_MS = 20;

/** One row: programs that do the same, by the titles of their columns. */
interface ProgramRow {
  readonly title: string;
  readonly count: number;
  readonly files: Readonly<Record<string, string>>;
  /** How long each task computes, in milliseconds: measured is how long all take, after eight of their kind. */
  readonly taskMs?: number;
}

function withPeers(title: string, count: number, taskMs?: number): ProgramRow {
  const files = Object.fromEntries(PEERS.map((file) => [path.parse(file).name, file]));
  const row = { title, count, files: { asynccpu: "asynccpu.mjs", ...files } };
  return taskMs === undefined ? row : { ...row, taskMs };
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
  withPeers("1,000 tasks of 1 ms", 1000, 1),
  withPeers("400 tasks of 5 ms", 400, 5),
  withPeers("100 tasks of 20 ms", 100, 20),
];

/** What was measured of one program on one Node. */
export interface ProgramFigures {
  readonly node: string;
  readonly row: string;
  readonly column: string;
  /** Whether it is the time of the tasks alone; else it is that from start to exit. */
  readonly isOfTasks: boolean;
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

/** How long a program took, in milliseconds, and what it printed. */
interface Run {
  readonly ms: number;
  readonly stdout: string;
}

/** @throws Error when the program fails, gives wrong values, or hangs. */
function run(node: string, script: string, args: readonly number[]): Promise<Run> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(node, [script, ...args.map(String)], {
      stdio: ["ignore", "pipe", "inherit"],
      timeout: LIMIT_MS,
      killSignal: "SIGKILL",
    });
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    let ms = 0;
    child.once("error", reject);
    child.once("exit", () => (ms = performance.now() - start));
    child.once("close", (code, signal) => {
      if (code === 0) resolve({ ms, stdout });
      else reject(new Error(`${script} ${args.join(" ")} ended with ${signal ?? code}`));
    });
  });
}

/** Measures a row once. */
async function measure(node: string, script: string, row: ProgramRow, stepsPerMs: number): Promise<number> {
  const { count, taskMs } = row;
  if (taskMs === undefined) return (await run(node, script, [count])).ms;
  return Number((await run(node, script, [count, Math.round(taskMs * stepsPerMs)])).stdout);
}

/**
 * Measures all programs in interleaved rounds.
 *
 * @param nodes - Paths of Node binaries, by their titles.
 */
export async function runPrograms(
  nodes: Readonly<Record<string, string>>,
  isQuick: boolean,
): Promise<readonly ProgramFigures[]> {
  const all: ProgramFigures[] = [];
  for (const node of Object.keys(nodes)) {
    for (const { title, files, taskMs } of ROWS) {
      const isOfTasks = taskMs !== undefined;
      for (const column of Object.keys(files)) all.push({ node, row: title, column, isOfTasks, timesMs: [] });
    }
  }
  const stepsPerMs = calibrate() * TASKS_PER_MS;
  const rounds = isQuick ? QUICK_ROUNDS : ROUNDS;
  const folder = layOutPrograms();
  try {
    for (let round = 1; round <= rounds; round += 1) {
      showProgress(`whole programs, round ${round} of ${rounds} ...`);
      for (const { node, row: title, column, timesMs } of all) {
        const row = ROWS.find((each) => each.title === title) as ProgramRow;
        const script = path.join(folder, row.files[column] as string);
        timesMs.push(await measure(nodes[node] as string, script, row, stepsPerMs));
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
    showProgress("");
  }
  return all;
}

/** A table for each Node: medians in milliseconds, smallest and largest behind. */
export function formatPrograms(all: readonly ProgramFigures[]): string {
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
    return `${node}, ms\n\n${layOutTable(["program", ...columns], body, 1)}`;
  };
  return [...new Set(all.map(({ node }) => node))].map(table).join("\n\n");
}
