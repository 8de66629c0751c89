// Runs the fast and slow tests under c8 and holds the line coverage of src/ to a minimum. Every child process that
// the tests start is counted too: NODE_V8_COVERAGE goes down the tree. A worker that is killed leaves no report.
//
//   node scripts/coverage.mjs [what scripts/test.mjs takes]
//
// Reports: a table on stdout, coverage/lcov.info, coverage/lcov-report/index.html.

import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";

const MIN_LINES_PERCENT = 90;
const ROOT = path.join(import.meta.dirname, "..");

const given = process.argv.slice(2);
const { status } = spawnSync(
  process.execPath,
  [
    createRequire(import.meta.url).resolve("c8/bin/c8.js"),
    "--all",
    "--src=src",
    "--include=src/**",
    "--exclude-after-remap",
    "--merge-async",
    "--clean",
    "--temp-directory=coverage/tmp",
    "--reports-dir=coverage",
    "--reporter=text",
    "--reporter=lcov",
    "--check-coverage",
    `--lines=${MIN_LINES_PERCENT}`,
    "--functions=0",
    "--branches=0",
    "--statements=0",
    process.execPath,
    "scripts/test.mjs",
    ...(given.length > 0 ? given : ["fast", "slow"]),
  ],
  { cwd: ROOT, stdio: "inherit" },
);
process.exitCode = status ?? 1;
