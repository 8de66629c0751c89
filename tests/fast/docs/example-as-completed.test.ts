import { strictEqual } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("the example of asCompleted and wait takes futures as they settle", () => {
  const program = fileURLToPath(new URL("../../../examples/as-completed.js", import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.execPath, [program], { encoding: "utf8", timeout: 60_000 });
  strictEqual(stdout, "5 is an age\n70 is an age\nRangeError: nobody is -1\nfirst: 18 is an age\n", stderr);
  strictEqual(status, 0);
});
