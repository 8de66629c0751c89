import { strictEqual } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("the example of maps gives results in order, as they are there, and past those that fail", () => {
  const program = fileURLToPath(new URL("../../../examples/map.js", import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.execPath, [program], { encoding: "utf8", timeout: 60_000 });
  const lines = [
    "steps: 8",
    "steps: 16",
    "steps: 111",
    "at least 300 steps among 100000 numbers",
    "sequences: 4 of 4",
    "the longest has 118 steps",
    "1: 0",
    "0: RangeError: 0 has no sequence",
    "2: 1",
  ];
  strictEqual(stdout, lines.map((line) => `${line}\n`).join(""), stderr);
  strictEqual(status, 0);
});
