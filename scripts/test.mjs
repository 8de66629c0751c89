// Runs compiled tests with node:test, each file in a process of its own.
//
//   node scripts/test.mjs SUITE...|FILE... [-t NAME] [--node=PATH] [--concurrency=N] [--without=NAME,...]
//
//   SUITE          fast, slow or ecosystem: every tests/SUITE/**/*.test.ts
//   FILE           one test file, by its source or its compiled path; files take the place of suites
//   -t NAME        only tests whose name matches this regular expression
//   --node=PATH    run on another Node binary
//   --without      files of the suites to leave out, by their names without .test.ts
//   --concurrency  how many files at a time (default: the CPUs of the machine, at most 4)
//
// Ends with 1 when a test fails, and when no test ran at all.

import { execFileSync } from "node:child_process";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { readFileSync } from "node:fs";
import { readdirSync } from "node:fs";
import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";

const ROOT = path.join(import.meta.dirname, "..");
const SUITES = new Set(["fast", "slow", "ecosystem"]);
const TEST_LIMIT_MS = 120_000;
// Node 20 and 22 hold a whole file to --test-timeout as well, which is too short for a file of slow tests.
const SLOW_FILE_LIMIT_MS = 600_000;
// One file starts some 140 programs, each of which has a limit of its own.
const ECOSYSTEM_FILE_LIMIT_MS = 1_800_000;
// The runner waits for whoever holds a stream of a test's, even when all tests have ended.
const RUN_LIMIT_MS = 3_000_000;
// Tests that assert positions in sources. Of all others, source maps would cost a fifth of the time of each worker's
// start.
const WITH_SOURCE_MAPS = ["executor/cancel", "executor/errors", "pool/parts"];

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** Test sources of a suite; stale compiled files whose source is gone are never run. */
function filesOfSuite(suite) {
  const folder = path.join(ROOT, "tests", suite);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .filter((file) => file.endsWith(".test.ts"))
    .toSorted()
    .map((file) => path.join("tests", suite, file));
}

/** The compiled file of a test, relative to the root. */
function compiled(file) {
  const fromRoot = path.relative(ROOT, path.resolve(file));
  const inBuild = fromRoot.startsWith(`build${path.sep}`) ? fromRoot : path.join("build", fromRoot);
  const script = inBuild.replace(/\.ts$/, ".js");
  if (!existsSync(path.join(ROOT, script))) fail(`There is no test file ${file} (looked for ${script}).`);
  return script;
}

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      "test-name-pattern": { type: "string", short: "t" },
      node: { type: "string", default: process.execPath },
      without: { type: "string", default: "" },
      concurrency: { type: "string", default: String(Math.min(4, availableParallelism())) },
    },
  });
  const named = positionals.filter((word) => !SUITES.has(word));
  const all = named.length > 0 ? named : positionals.flatMap((suite) => filesOfSuite(suite));
  const unwanted = new Set(values.without.split(",").filter((name) => name !== ""));
  const sources = all.filter((file) => !unwanted.delete(path.basename(file, ".test.ts")));
  if (unwanted.size > 0) fail(`There is no test file to leave out: ${[...unwanted].join(", ")}.`);
  return { files: sources.map((file) => compiled(file)), pattern: values["test-name-pattern"], ...values };
}

const { files, pattern, node, concurrency } = readArguments();
if (files.length === 0) fail("No test file: name a suite (fast, slow) or files such as tests/fast/pool/x.test.ts.");

const major = Number(execFileSync(node, ["-p", "process.versions.node.split('.')[0]"], { encoding: "utf8" }));
const hasSlow = files.some((file) => !file.startsWith(path.join("build", "tests", "fast")));
const hasEcosystem = files.some((file) => file.startsWith(path.join("build", "tests", "ecosystem")));
const fileLimitMs = hasEcosystem ? ECOSYSTEM_FILE_LIMIT_MS : SLOW_FILE_LIMIT_MS;
const reports = mkdtempSync(path.join(tmpdir(), "asynccpu-tests-"));

/** Runs files, and gives how many tests ran and how the runner ended. */
function run(wanted, flags) {
  const countFile = path.join(reports, "count");
  rmSync(countFile, { force: true });
  const { status, signal, error } = spawnSync(
    node,
    [
      ...flags,
      "--test",
      `--test-concurrency=${concurrency}`,
      `--test-timeout=${hasEcosystem || (major < 24 && hasSlow) ? fileLimitMs : TEST_LIMIT_MS}`,
      ...(pattern === undefined ? [] : [`--test-name-pattern=${pattern}`]),
      "--test-reporter=spec",
      "--test-reporter-destination=stdout",
      "--test-reporter=./scripts/test-counter.mjs",
      `--test-reporter-destination=${countFile}`,
      ...wanted,
    ],
    {
      cwd: ROOT,
      stdio: "inherit",
      timeout: RUN_LIMIT_MS,
      killSignal: "SIGKILL",
      // Programs that a test starts by `#!/usr/bin/env node` run on the same binary.
      env: { ...process.env, PATH: `${path.dirname(path.resolve(node))}${path.delimiter}${process.env.PATH ?? ""}` },
    },
  );
  if (error?.code === "ETIMEDOUT") fail(`The test runner has not ended within ${RUN_LIMIT_MS / 60_000} minutes.`);
  if (error !== undefined) fail(`The tests could not be started on ${node}: ${error.message}`);
  if (signal !== null) fail(`The test runner was ended by ${signal}.`);
  return { status, count: existsSync(countFile) ? Number(readFileSync(countFile, "utf8")) : 0 };
}

const mapped = files.filter((file) =>
  WITH_SOURCE_MAPS.some((name) => file.endsWith(path.normalize(`fast/${name}.test.js`))),
);
const others = files.filter((file) => !mapped.includes(file));
const runs = [];
if (others.length > 0) runs.push(run(others, []));
if (mapped.length > 0) runs.push(run(mapped, ["--enable-source-maps"]));
rmSync(reports, { recursive: true });

if (runs.every(({ status, count }) => status === 0 && count === 0)) {
  fail(`No test ran${pattern === undefined ? "" : `: none matches "${pattern}"`}.`);
}
process.exitCode = Math.max(...runs.map(({ status }) => status));
