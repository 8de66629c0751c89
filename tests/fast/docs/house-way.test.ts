/** The way of a warm task through the files of src, as docs/design.md lists it. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

const ROOT = path.join(import.meta.dirname, "..", "..", "..", "..");

/** The files of a numbered list below a heading of docs/design.md. */
function listed(heading: string): string[] {
  const [, section = ""] = readFileSync(path.join(ROOT, "docs", "design.md"), "utf8").split(`\n### ${heading}\n`);
  const [list = ""] = section.split("\n#", 1);
  return [...list.matchAll(/^\d+\. `([^`]+)`/gm)].map(([, file = ""]) => file);
}

/** The files that a warm task ran, in the parent or in its worker, in no order. */
function counted(where: "parent" | "worker", printed: string): string[] {
  const [, section = ""] = printed.split(new RegExp(`^${where}: \\d+ files\n`, "m"));
  const [list = ""] = section.split(/^\w/m, 1);
  return [...list.matchAll(/^ {2}(\S+)$/gm)].map(([, file = ""]) => file);
}

test("docs/design.md lists the files that a warm task passes, all of them and no other", (t) => {
  // Other systems have no journal, so their tasks pass fewer files.
  if (process.platform !== "linux" || !existsSync("/dev/shm")) {
    t.skip("the list is that of Linux");
    return;
  }
  const printed = execFileSync(process.execPath, [path.join(ROOT, "scripts", "task-files.mjs")], { encoding: "utf8" });
  for (const [where, heading] of [
    ["parent", "In the parent"],
    ["worker", "In the worker"],
  ] as const) {
    const files = counted(where, printed);
    assert.ok(files.length > 5, printed);
    assert.deepEqual(listed(heading).toSorted(), files, heading);
  }
});
