import { strictEqual } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("the example of a unit test passes, and no time passes", () => {
  const program = fileURLToPath(new URL("../../../examples/unit-test.js", import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.execPath, [program], { encoding: "utf8", timeout: 60_000 });
  strictEqual(stdout, "a page is rendered\na page that takes too long is given up\nnothing is left\n", stderr);
  strictEqual(status, 0);
});
