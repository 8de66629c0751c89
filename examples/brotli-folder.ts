/**
 * Compresses every file of a folder with Brotli at its highest quality, on all cores, and stays responsive meanwhile.
 *
 *     npm run demo                    the 200 largest .js files under node_modules
 *     npm run demo -- path/to/folder  every file below that folder
 *     npm run demo -- --redis         the same on two worker hosts, which take their tasks from a queue in Redis: that
 *                                     of REDIS_URL, or one that the demo starts
 *
 * Ctrl-C ends it at once, with all its processes.
 */

import { readdir } from "node:fs/promises";
import { stat } from "node:fs/promises";
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { constants } from "node:zlib";

import { BullMQTaskExecutor } from "asynccpu/bullmq";
import { CancelledError } from "asynccpu";
import { LogQueue } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { QueueListener } from "asynccpu";
import type { LogRecord } from "asynccpu";
import type { TaskExecutor } from "asynccpu";

import { TwoHosts } from "./two-hosts.js";
import { compressFile } from "./compress-file.js";
import { formatCount } from "./format.js";
import { formatRatio } from "./format.js";
import { formatSeconds } from "./format.js";
import { formatSize } from "./format.js";
import { formatTable } from "./format.js";
import type { Compressed } from "./compress-file.js";

const DEFAULT_FOLDER = "node_modules";
const DEFAULT_FILE_COUNT = 200;
const SHOWN_ROWS = 10;
const DELAY_RESOLUTION_MS = 1;
/** The status of a program that Ctrl-C has ended. */
const INTERRUPTED = 130;

interface InputFile {
  readonly file: string;
  readonly sizeBytes: number;
}

/** The files below a folder, largest first, so that no worker is left with a long one at the end. */
async function findFiles(folder: string, extension: string): Promise<InputFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(extension))
    .map((entry) => path.join(entry.parentPath, entry.name));
  const sized = await Promise.all(files.map(async (file) => ({ file, sizeBytes: (await stat(file)).size })));
  return sized.toSorted((a, b) => b.sizeBytes - a.sizeBytes || a.file.localeCompare(b.file));
}

async function chooseFiles(folder: string | undefined): Promise<InputFile[]> {
  if (folder !== undefined) return findFiles(folder, "");
  return (await findFiles(DEFAULT_FOLDER, ".js")).slice(0, DEFAULT_FILE_COUNT);
}

function sum<T>(items: readonly T[], measure: (item: T) => number): number {
  return items.reduce((total, item) => total + measure(item), 0);
}

function printTable(results: readonly Compressed[], folder: string): void {
  const toRow = (name: string, files: number, bytes: number, compressed: number): string[] => [
    name,
    formatCount(files),
    formatCount(bytes),
    formatCount(compressed),
    formatRatio(bytes, compressed),
  ];
  const fromResults = (name: string, part: readonly Compressed[]): string[] =>
    toRow(
      name,
      part.length,
      sum(part, (result) => result.sizeBytes),
      sum(part, (result) => result.compressedBytes),
    );
  const rest = results.slice(SHOWN_ROWS);
  const rows = [
    ...results.slice(0, SHOWN_ROWS).map((result) => fromResults(path.relative(folder, result.file), [result])),
    ...(rest.length > 0 ? [fromResults("(smaller files)", rest)] : []),
  ];
  console.log(formatTable(["file", "files", "bytes", "compressed", "ratio"], rows, fromResults("total", results)));
}

/** What the workers logged: counted by process, the last one kept. */
class LogSummary {
  readonly #countByPid = new Map<number, number>();
  #last: LogRecord | undefined;

  add(record: LogRecord): void {
    this.#countByPid.set(record.pid, (this.#countByPid.get(record.pid) ?? 0) + 1);
    this.#last = record;
  }

  get isEmpty(): boolean {
    return this.#last === undefined;
  }

  describe(): string {
    const total = sum([...this.#countByPid.values()], (count) => count);
    const byPid = [...this.#countByPid].map(([pid, count]) => `${count} from process ${pid}`).join(", ");
    const last = this.#last === undefined ? "" : `; the last: "${this.#last.message}"`;
    return `${total} (${byPid}${last})`;
  }
}

/** How many files each process had: the program's own workers, or those of a host. */
function describeHosts(results: readonly Compressed[]): string {
  const countByPid = new Map<number, number>();
  for (const { parentPid } of results) countByPid.set(parentPid, (countByPid.get(parentPid) ?? 0) + 1);
  return [...countByPid].map(([pid, count]) => `${count} files by host ${pid}`).join(", ");
}

/** An executor for the demo: here, or on two hosts. */
function makeExecutor(hosts: TwoHosts | undefined, queue: LogQueue): TaskExecutor & AsyncDisposable {
  if (hosts === undefined) {
    // The tasks have nothing to clean up, so a cancelled one needs no time for it.
    return new ProcessTaskPoolExecutor({ queue, cancelTasksWhenShutdown: true, graceMs: 0 });
  }
  const tasks = new URL("./compress-file.js", import.meta.url);
  return new BullMQTaskExecutor({ connection: { url: hosts.url }, queue: hosts.queue, tasks });
}

async function compressAll(files: readonly InputFile[], folder: string, hosts: TwoHosts | undefined): Promise<void> {
  const logs = new LogSummary();
  const queue = new LogQueue();
  const listener = new QueueListener(queue, (record) => logs.add(record));
  const loopDelay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  const beganMs = performance.now();
  const elapsedMs = (): number => performance.now() - beganMs;

  listener.start();
  loopDelay.enable();
  await using executor = makeExecutor(hosts, queue);
  const view = executor.with({ progress: { label: "files" }, chunkSize: 1 });
  const results: Compressed[] = [];
  const names = files.map(({ file }) => file);
  for await (const result of view.mapUnordered(compressFile, names)) results.push(result);
  const wallMs = elapsedMs();
  loopDelay.disable();
  await listener.stop();

  const cpuMs = sum(results, (result) => result.cpuMs);
  const delayMs = Math.max(0, loopDelay.percentile(99) / 1e6 - DELAY_RESOLUTION_MS);
  console.log("");
  printTable(
    results.toSorted((a, b) => names.indexOf(a.file) - names.indexOf(b.file)),
    folder,
  );
  console.log("");
  console.log(`Wall time:                 ${formatSeconds(wallMs)}`);
  console.log(`CPU time of the tasks:     ${formatSeconds(cpuMs)} (${(cpuMs / wallMs).toFixed(2)} cores kept busy)`);
  console.log(`Event-loop delay, p99:     ${delayMs.toFixed(1)} ms in this process meanwhile`);
  if (!logs.isEmpty) console.log(`Log records from workers:  ${logs.describe()}`);
  if (hosts !== undefined) console.log(`Worker hosts:              ${describeHosts(results)}`);
}

/** Two hosts that end with Ctrl-C: this program has no processes of its own then, and handles it itself. */
async function startHosts(): Promise<TwoHosts> {
  const hosts = await TwoHosts.start();
  process.once("SIGINT", () => {
    console.error("Interrupted.");
    void hosts.kill().finally(() => process.exit(INTERRUPTED));
  });
  return hosts;
}

async function main(folder: string | undefined, isAbroad: boolean): Promise<void> {
  const files = await chooseFiles(folder);
  if (files.length === 0) throw new Error("there are no files in it");
  const size = formatSize(sum(files, (file) => file.sizeBytes));
  const what = folder === undefined ? "largest .js files under node_modules" : `files under ${folder}`;
  console.log(`Compressing ${files.length} ${what} (${size}) with Brotli, quality ${constants.BROTLI_MAX_QUALITY}`);
  const hosts = isAbroad ? await startHosts() : undefined;
  try {
    await compressAll(files, folder ?? DEFAULT_FOLDER, hosts);
  } finally {
    await hosts?.[Symbol.asyncDispose]();
  }
}

const { values, positionals } = parseArgs({
  options: { redis: { type: "boolean", default: false } },
  allowPositionals: true,
});
const [folder] = positionals;
try {
  await main(folder, values.redis);
} catch (error) {
  if (error instanceof CancelledError) {
    // Ctrl-C: the executor has ended its processes, and ends this one by the same signal when this turn is over.
    console.error("Interrupted.");
    process.exitCode = INTERRUPTED;
  } else {
    console.error(`${folder ?? DEFAULT_FOLDER}: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
