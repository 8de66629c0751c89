import { strictEqual } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PRINTED = `callback: 25%, 2762 primes
callback: 50%, 5133 primes
callback: 75%, 7393 primes
callback: 100%, 9592 primes
There are 9592 primes below 100,000.
loop: { percent: 25, primes: 53 }
loop: { percent: 50, primes: 95 }
loop: { percent: 75, primes: 132 }
loop: { percent: 100, primes: 168 }
There are 168 primes below 1,000.
`;

test("the example of reports shows each step before the result", () => {
  const program = fileURLToPath(new URL("../../../examples/report.js", import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.execPath, [program], { encoding: "utf8", timeout: 60_000 });
  strictEqual(stdout, PRINTED, stderr);
  strictEqual(status, 0);
});
