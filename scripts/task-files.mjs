// Which files of src run for one warm task that does nothing, in the parent and in its worker.
//
//   npm run build.tests && node scripts/task-files.mjs
//
// Prints the files of both, sorted, without those of pickle/. docs/design.md lists them in the order in which a task
// passes them, and tests/fast/docs/house-way.test.ts holds that list true. V8 counts the calls of functions (precise
// coverage); a file counts when it has a function that was called for each of several tasks, so what a timer does now
// and then is left out.

import { Session } from "node:inspector";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

const BUILD = pathToFileURL(path.join(import.meta.dirname, "..", "build", "src", path.sep)).href;
const WARM_TASKS = 200;
const SAMPLES = 5;

/** Counts from now on, in the process that calls it. */
function begin(build) {
  const session = new Session();
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  globalThis[Symbol.for("asynccpu.taskFiles")] = { build, session, samples: [] };
}

/** Notes which files have run since the last call. */
function note() {
  const { build, session, samples } = globalThis[Symbol.for("asynccpu.taskFiles")];
  session.post("Profiler.takePreciseCoverage", (_error, { result }) => {
    const called = result.filter(({ functions }) => functions.some(({ ranges }) => ranges[0].count > 0));
    samples.push(called.map(({ url }) => url).filter((url) => url.startsWith(build)));
  });
}

/** What was noted last: each second time, a task that does nothing had run. */
function read(count) {
  return globalThis[Symbol.for("asynccpu.taskFiles")].samples
    .slice(-2 * count)
    .filter((_files, index) => index % 2 === 1);
}

function doNothing() {}

/** The files that are in every sample. */
function filesIn(samples) {
  const [first = [], ...others] = samples;
  const inAll = first.filter((url) => others.every((other) => other.includes(url)));
  const files = inAll.map((url) => url.slice(BUILD.length).replace(/\.js$/, ".ts"));
  return files.filter((file) => !file.startsWith("pickle/")).toSorted();
}

// Reason: the compiled library need not exist for the linters of this file.
const { ProcessTaskPoolExecutor } = await import(new URL("index.js", BUILD).href);
const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
await executor.createProcessTask(begin, BUILD);
for (let count = 0; count < WARM_TASKS; count += 1) {
  await executor.createProcessTask(doNothing);
  await executor.createProcessTask(note);
}
for (let count = 0; count < SAMPLES; count += 1) {
  await executor.createProcessTask(note);
  await executor.createProcessTask(doNothing);
  await executor.createProcessTask(note);
}
const ofWorker = await executor.createProcessTask(read, SAMPLES);
begin(BUILD);
for (let count = 0; count < SAMPLES; count += 1) {
  note();
  await executor.createProcessTask(doNothing);
  note();
}
const ofParent = read(SAMPLES);
await executor.shutdown();
for (const [where, samples] of [
  ["parent", ofParent],
  ["worker", ofWorker],
]) {
  const files = filesIn(samples);
  process.stdout.write(`${where}: ${files.length} files\n${files.map((file) => `  ${file}\n`).join("")}`);
}
