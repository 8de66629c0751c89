import { strictEqual } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PRINTED = {
  "busy-server": `200 burnt 2000 ms
504 late
504 late
503 full, retry after 1 s
200 burnt 10 ms
`,
  retries: `the report, at attempt 3
true after 2 other attempts
urgent
usual
some day
`,
};

for (const [name, printed] of Object.entries(PRINTED)) {
  test(`the example ${name} prints what it is to print`, () => {
    const program = fileURLToPath(new URL(`../../../examples/${name}.js`, import.meta.url));
    const { stdout, stderr, status } = spawnSync(process.execPath, [program], { encoding: "utf8", timeout: 60_000 });
    strictEqual(stdout, printed, stderr);
    strictEqual(status, 0);
  });
}
