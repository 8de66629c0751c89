// Removes everything that the other commands make: builds, coverage, packed archives, figures of the bench, the Node
// binaries of .ci/run.
// node_modules stays. With --dist: only the published build.

import { readdirSync } from "node:fs";
import { rmSync } from "node:fs";
import path from "node:path";
import process from "node:process";

const ROOT = path.join(import.meta.dirname, "..");
const MADE_AT_THE_ROOT = /^(dist|build|build-.+|coverage|asynccpu-.+\.tgz)$/;

const made = process.argv.includes("--dist")
  ? ["dist"]
  : [
      ...readdirSync(ROOT).filter((name) => MADE_AT_THE_ROOT.test(name)),
      path.join(".ci", "nodes"),
      path.join("bench", "results"),
    ];
for (const name of made) rmSync(path.join(ROOT, name), { recursive: true, force: true });
