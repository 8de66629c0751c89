/** Programs of the README that are shown whole, run as they stand there. */

import assert from "node:assert/strict";
import path from "node:path";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { CHECKOUT } from "../testlibraries/program-folder.js";
import { ProgramFolder } from "../testlibraries/program-folder.js";
import { TSX_COMMAND } from "../testlibraries/program-folder.js";

/** The first block of code below a headline. */
function exampleBelow(headline: string, file = "README.md"): string {
  const [, text] = readFileSync(path.join(CHECKOUT, file), "utf8").split(`\n${headline}\n`);
  const code = /```ts\n([^]*?)\n```/.exec(text ?? "")?.[1];
  assert.ok(code, `an example below "${headline}"`);
  return code;
}

test("the logging example: records from its level on arrive, with their loggers", () => {
  using folder = new ProgramFolder();
  folder.linkPackage();
  folder.write({ "logs.mts": exampleBelow("### ... get the workers' logs?") });
  const { status, stdout, stderr } = folder.run([TSX_COMMAND, "logs.mts"]);
  assert.equal(status, 0, stderr);
  assert.equal(stdout.match(/^taskId: \d, result: \d+$/gm)?.length, 10);
  const records = stderr.trimEnd().split("\n");
  assert.equal(records.length, 20, stderr);
  const task = String.raw`\[pid \d+ task "processCpuBound"`;
  for (let taskId = 0; taskId < 10; taskId += 1) {
    assert.match(stderr, new RegExp(`DEBUG ${task} logger "example\\.sum"\\] task ${taskId} begins$`, "m"));
    assert.match(stderr, new RegExp(`INFO {2}${task}\\] task ${taskId} is done$`, "m"));
  }
});
