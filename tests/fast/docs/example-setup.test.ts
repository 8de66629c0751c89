import { strictEqual } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("the example of `initializer: setup` does in each worker what the program did to a package", () => {
  const program = fileURLToPath(new URL("../../../examples/setup.js", import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.execPath, [program], { encoding: "utf8", timeout: 60_000 });
  strictEqual(stdout, "here: 1_234_567\nwithout: 1234567\nwith: 1_234_567\n", stderr);
  strictEqual(status, 0);
});
