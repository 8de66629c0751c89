/**
 * Measures asynccpu beside what its machine can give at most and beside other libraries' pools, in interleaved rounds of one
 * run, and checks every result. docs/performance.md says what each row means.
 *
 *     npm run bench                             the table, in about 10 minutes
 *     npm run bench -- --quick                  smaller sizes, one round, the strongest peers: about a minute
 *     npm run bench -- --only=ID,ID             these measures; the results file is left as it is
 *     npm run bench -- --contenders=NAME,NAME   these contenders; the results file is left as it is
 *     npm run bench -- --rounds=N               so many rounds, for peers too, however long it takes
 */

import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { writeFileSync } from "node:fs";
import path from "node:path";

import { ASYNCCPU } from "./contender-names.js";
import { RAW_LIMIT } from "./contender-names.js";
import { WORKERS } from "./contender.js";
import { describeLoad } from "./machine.js";
import { describeMachine } from "./machine.js";
import { formatDetails } from "./report.js";
import { formatSummary } from "./report.js";
import { installPeers } from "./peers/import-peer.js";
import { makePlan } from "./plan.js";
import { peerVersions } from "./peers/import-peer.js";
import { runTable } from "./run-table.js";
import type { Plan } from "./plan.js";
import type { Results } from "./results.js";

const RESULTS_FOLDER = path.join(import.meta.dirname, "../../bench/results");

function readCommandLine(): Plan {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", multiple: true },
      contenders: { type: "string", multiple: true },
      rounds: { type: "string" },
    },
  });
  const split = (list: readonly string[] | undefined): string[] | undefined =>
    list?.flatMap((item) => item.split(","));
  return makePlan({
    isQuick: values.quick,
    rounds: values.rounds === undefined ? undefined : Number(values.rounds),
    only: split(values.only),
    contenders: split(values.contenders),
  });
}

async function measureTable(plan: Plan): Promise<Results> {
  const { contenders, mode, sizes } = plan;
  const startedAt = new Date();
  const loadBefore = describeLoad();
  const { rounds, results } = await runTable(plan);
  return {
    startedAt: startedAt.toISOString(),
    seconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
    mode,
    rounds,
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

function printTable(table: Results, { peerRounds }: Plan): void {
  const { node, machine, mode, rounds, seconds, loadBefore, loadAfter, peers } = table;
  const versions = Object.entries(peers).map(([name, version]) => `${name} ${version}`);
  process.stdout.write(`
asynccpu beside the raw limit of its machine and other pools; ${WORKERS} workers each; every result checked.
Node ${node}; ${machine}
${versions.join(", ")}
${mode}: ${rounds} interleaved rounds (${Math.min(rounds, peerRounds)} of them with other libraries) in ${seconds} s, a fresh process for each figure
Load average before ${loadBefore}, after ${loadAfter} (the bench itself makes about ${WORKERS})
Figures: median (smallest..largest). Ratio: how good asynccpu is beside that one: 1.00 is as good, more is better.

${formatDetails(table)}

${formatSummary(table)}
`);
}

const plan = readCommandLine();
if (plan.contenders.some(({ family }) => family === "processes" || family === "threads")) installPeers();
const table = await measureTable(plan);
printTable(table, plan);
if (!plan.isPartial) {
  const file = path.join(RESULTS_FOLDER, "latest.json");
  mkdirSync(RESULTS_FOLDER, { recursive: true });
  writeFileSync(file, `${JSON.stringify(table, undefined, 2)}\n`);
  process.stdout.write(`\nAll figures: ${path.relative(process.cwd(), file)}\n`);
}
const mustNotFail = [ASYNCCPU, RAW_LIMIT];
process.exitCode = table.results.some(({ failures }) => mustNotFail.some((name) => name in failures)) ? 1 : 0;
