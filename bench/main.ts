/**
 * Measures asynccpu beside what its machine can give at most and beside other libraries' pools, in interleaved rounds
 * of one run, and checks every result. docs/performance.md says what each row means.
 *
 *     npm run bench                             the table, in about 10 minutes, and its picture
 *     npm run bench -- --quick                  smaller sizes, one round, the strongest peers: about a minute
 *     npm run bench -- --little-warm            rows of programs that are hardly warm, in about 10 minutes
 *     npm run bench -- --only=ID,ID             these measures; the results file is left as it is
 *     npm run bench -- --contenders=NAME,NAME   these contenders; the results file is left as it is
 *     npm run bench -- --rounds=N               so many rounds, for peers too, however long it takes
 *     npm run bench -- --picture                the picture goes to docs/performance.svg as well
 *     npm run bench -- --picture-from=FILE      only that picture, from a results file
 *     npm run bench -- --scale                  throughput and memory by workers and by payload (with --quick: once each)
 *     npm run bench -- --memory [--tasks=N]     ten million tasks through one executor: is the heap flat?
 *     npm run bench -- --pickling               functions on their way, in programs of up to 5,000 modules
 *     npm run bench -- --spawn                  how long starting a worker blocks a parent with much memory
 *     npm run bench -- --program [--node=PATH,PATH]   whole programs, on each Node; with --picture docs/programs.svg, of the last
 *     npm run bench -- --bullmq [--jobs=N]      asynccpu/bullmq beside bare BullMQ, so many tasks a host at a time; needs Redis
 *     npm run bench -- --bullmq-kill [--tasks=N]   100,000 tasks while hosts are killed: is every result right?
 *     npm run bench -- --profile=ID             the functions of asynccpu that cost most in a measure
 */

import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { readFileSync } from "node:fs";
import { writeFileSync } from "node:fs";
import path from "node:path";

import { ASYNCCPU } from "./contender-names.js";
import { RAW_LIMIT } from "./contender-names.js";
import { WORKERS } from "./contender.js";
import { describeLoad } from "./machine.js";
import { describeMachine } from "./machine.js";
import { drawPicture } from "./picture.js";
import { drawPrograms } from "./program-picture.js";
import { formatBullMQ } from "./run-bullmq.js";
import { formatDetails } from "./report.js";
import { formatKillRun } from "./run-bullmq-kill.js";
import { formatLongRun } from "./run-memory.js";
import { formatPrograms } from "./run-programs.js";
import { formatPickling } from "./run-pickling.js";
import { formatScale } from "./run-scale.js";
import { formatSpawn } from "./run-spawn.js";
import { formatSummary } from "./report.js";
import { installPeers } from "./peers/import-peer.js";
import { isFlat } from "./run-memory.js";
import { isWhole } from "./run-bullmq-kill.js";
import { makePlan } from "./plan.js";
import { peerVersions } from "./peers/import-peer.js";
import { runBullMQ } from "./run-bullmq.js";
import { runBullMQKill } from "./run-bullmq-kill.js";
import { runMemory } from "./run-memory.js";
import { runPickling } from "./run-pickling.js";
import { runPrograms } from "./run-programs.js";
import { runProfile } from "./run-profile.js";
import { runScale } from "./run-scale.js";
import { runSpawn } from "./run-spawn.js";
import { runTable } from "./run-table.js";
import type { Plan } from "./plan.js";
import type { Results } from "./results.js";

const ROOT = path.join(import.meta.dirname, "../..");
const RESULTS_FOLDER = path.join(ROOT, "bench/results");
const DOCS_PICTURE = path.join(ROOT, "docs/performance.svg");
const PROGRAMS_PICTURE = path.join(ROOT, "docs/programs.svg");

const LONG_RUN_TASKS = 10_000_000;
const KILL_RUN_TASKS = 100_000;
const BULLMQ_ROUNDS = 5;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    "little-warm": { type: "boolean", default: false },
    only: { type: "string", multiple: true },
    contenders: { type: "string", multiple: true },
    rounds: { type: "string" },
    picture: { type: "boolean", default: false },
    "picture-from": { type: "string" },
    scale: { type: "boolean", default: false },
    memory: { type: "boolean", default: false },
    tasks: { type: "string" },
    bullmq: { type: "boolean", default: false },
    "bullmq-kill": { type: "boolean", default: false },
    jobs: { type: "string", default: String(WORKERS) },
    pickling: { type: "boolean", default: false },
    spawn: { type: "boolean", default: false },
    program: { type: "boolean", default: false },
    node: { type: "string", multiple: true },
    profile: { type: "string" },
  },
});

/** @throws Error for anything but a whole number above 0. */
function readCount(name: string, text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1) throw new Error(`--${name} is a whole number above 0, not ${text}.`);
  return count;
}

function readPlan(): Plan {
  const split = (list: readonly string[] | undefined): string[] | undefined =>
    list?.flatMap((item) => item.split(","));
  return makePlan({
    isQuick: values.quick,
    isLittleWarm: values["little-warm"],
    rounds: values.rounds === undefined ? undefined : readCount("rounds", values.rounds),
    only: values.profile === undefined ? split(values.only) : [values.profile],
    contenders: split(values.contenders),
  });
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function save(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  print(`Written: ${path.relative(process.cwd(), file)}`);
}

function saveResults(name: string, results: unknown): void {
  save(path.join(RESULTS_FOLDER, name), `${JSON.stringify(results, undefined, 2)}\n`);
}

async function measureTable(plan: Plan): Promise<Results> {
  const { contenders, mode, sizes } = plan;
  const startedAt = new Date();
  const loadBefore = describeLoad();
  const { rounds, peerRounds, results } = await runTable(plan);
  return {
    startedAt: startedAt.toISOString(),
    seconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
    mode,
    rounds,
    peerRounds,
    sizes,
    node: process.version,
    machine: describeMachine(),
    peers: peerVersions(),
    loadBefore,
    loadAfter: describeLoad(),
    contenders: contenders.map(({ name, title, family }) => ({ name, title, family })),
    results,
  };
}

function printTable(table: Results): void {
  const { node, machine, mode, rounds, peerRounds, seconds, loadBefore, loadAfter, peers } = table;
  const versions = Object.entries(peers).map(([name, version]) => `${name} ${version}`);
  process.stdout.write(`
asynccpu beside the raw limit of its machine and other pools; ${WORKERS} workers each; every result checked.
Node ${node}; ${machine}
${versions.join(", ")}
${mode}: ${rounds} interleaved rounds (${peerRounds} of them with other libraries) in ${seconds} s, a fresh process for each figure
Load average before ${loadBefore}, after ${loadAfter} (the bench itself makes about ${WORKERS})
Figures: median (smallest..largest). Ratio: how good asynccpu is beside that one: 1.00 is as good, more is better.

${formatDetails(table)}

${formatSummary(table)}
`);
}

async function runWholeTable(): Promise<void> {
  const plan = readPlan();
  if (plan.contenders.some(({ family }) => family === "processes" || family === "threads")) installPeers();
  const table = await measureTable(plan);
  printTable(table);
  if (!plan.isPartial) {
    saveResults("latest.json", table);
    save(path.join(RESULTS_FOLDER, "latest.svg"), drawPicture(table));
  }
  if (values.picture) save(DOCS_PICTURE, drawPicture(table));
  const mustNotFail = [ASYNCCPU, RAW_LIMIT];
  process.exitCode = table.results.some(({ failures }) => mustNotFail.some((name) => name in failures)) ? 1 : 0;
}

async function runWholeScale(): Promise<void> {
  const startedAt = new Date().toISOString();
  const points = await runScale(values.quick);
  print(`Node ${process.version}; ${describeMachine()}\n\n${formatScale(points)}\n`);
  saveResults("scale.json", { startedAt, node: process.version, machine: describeMachine(), points });
}

async function runLongRun(): Promise<void> {
  const run = await runMemory(readCount("tasks", values.tasks ?? String(LONG_RUN_TASKS)));
  print(`Node ${process.version}; ${describeMachine()}\n\n${formatLongRun(run)}\n`);
  saveResults("memory.json", { node: process.version, machine: describeMachine(), ...run });
  process.exitCode = isFlat(run.heapBytes) ? 0 : 1;
}

async function runBesideBullMQ(): Promise<void> {
  const startedAt = new Date().toISOString();
  const jobs = readCount("jobs", values.jobs);
  const rounds = readCount("rounds", values.rounds ?? String(values.quick ? 1 : BULLMQ_ROUNDS));
  const loadBefore = describeLoad();
  const results = await runBullMQ({ isQuick: values.quick, rounds, jobs });
  const how = `${rounds} rounds in turns, ${jobs} tasks a host at a time; load before ${loadBefore}`;
  print(`Node ${process.version}; ${describeMachine()}; ${how}\n\n${formatBullMQ(results)}\n`);
  saveResults("bullmq.json", { startedAt, node: process.version, machine: describeMachine(), loadBefore, results });
  process.exitCode = results.some(({ failures }) => failures.length > 0) ? 1 : 0;
}

async function runWhileHostsDie(): Promise<void> {
  const startedAt = new Date().toISOString();
  const tasks = readCount("tasks", values.tasks ?? String(KILL_RUN_TASKS));
  const run = await runBullMQKill(tasks, readCount("jobs", values.jobs));
  print(`Node ${process.version}; ${describeMachine()}\n\n${formatKillRun(run)}\n`);
  saveResults("bullmq-kill.json", { startedAt, node: process.version, machine: describeMachine(), ...run });
  process.exitCode = isWhole(run) ? 0 : 1;
}

async function runSpawnBlocks(): Promise<void> {
  const startedAt = new Date().toISOString();
  const loadBefore = describeLoad();
  const blocks = await runSpawn(values.quick);
  print(`Node ${process.version}; ${describeMachine()}; load before ${loadBefore}\n\n${formatSpawn(blocks)}\n`);
  saveResults("spawn.json", { startedAt, node: process.version, machine: describeMachine(), loadBefore, blocks });
}

async function runWholePrograms(): Promise<void> {
  installPeers();
  const startedAt = new Date().toISOString();
  const binaries = values.node?.flatMap((item) => item.split(",")) ?? [process.execPath];
  const titleOf = (binary: string): string =>
    `Node ${execFileSync(binary, ["--version"], { encoding: "utf8" }).trim()}`;
  const nodes = Object.fromEntries(binaries.map((binary) => [titleOf(binary), binary]));
  const loadBefore = describeLoad();
  const programs = await runPrograms(nodes, values.quick);
  print(`${describeMachine()}; load before ${loadBefore}\n\n${formatPrograms(programs)}\n`);
  if (values.picture) save(PROGRAMS_PICTURE, drawPrograms(programs, describeMachine(), startedAt));
  saveResults("programs.json", { startedAt, machine: describeMachine(), loadBefore, peers: peerVersions(), programs });
}

if (values["picture-from"] !== undefined) {
  save(DOCS_PICTURE, drawPicture(JSON.parse(readFileSync(values["picture-from"], "utf8")) as Results));
} else if (values.profile !== undefined) {
  print(await runProfile(readPlan()));
} else if (values.pickling) {
  print(`Node ${process.version}; ${describeMachine()}\n${formatPickling(await runPickling(values.quick))}`);
} else if (values.memory) {
  await runLongRun();
} else if (values.program) {
  await runWholePrograms();
} else if (values.spawn) {
  await runSpawnBlocks();
} else if (values.bullmq) {
  await runBesideBullMQ();
} else if (values["bullmq-kill"]) {
  await runWhileHostsDie();
} else if (values.scale) {
  await runWholeScale();
} else {
  await runWholeTable();
}
