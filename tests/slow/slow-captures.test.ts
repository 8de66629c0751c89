/** The warning of captured variables whose look keeps blocking the event loop. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { ProgramFolder } from "../testlibraries/program-folder.js";

const PROGRAM = `
  import { ProcessPoolExecutor } from "asynccpu";

  const limit = 3;
  const table = Array.from({ length: 12_000 }, (_, id) => ({ id, name: "row " + id }));
  const read = (index) => table[index].name.slice(0, limit);

  const warnings = [];
  process.on("warning", ({ name, code, message }) => warnings.push({ name, code, message }));
  const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  for (let index = 0; index < 4; index++) {
    table[index].name = "changed";
    await executor.submit(read, index);
  }
  for (let index = 0; index < 3; index++) await executor.submit((index) => table[index].name, 1);
  for (let index = 0; index < 5; index++) await executor.submit((index) => index * limit, 1);
  await executor.shutdown();
  console.log(JSON.stringify(warnings));
`;

/** Nothing changes, so only the comparison takes long. */
const COMPARED = `
  import inspector from "node:inspector";
  import { ProcessPoolExecutor } from "asynccpu";

  let lookCount = 0;
  const { connect } = inspector.Session.prototype;
  inspector.Session.prototype.connect = function () {
    lookCount += 1;
    return connect.call(this);
  };

  const table = Array.from({ length: 200_000 }, (_, id) => ({ id, name: "row " + id }));
  const read = (index) => table[index].name;
  const warnings = [];
  process.on("warning", ({ message }) => warnings.push(message));
  const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  for (let index = 0; index < 5; index++) await executor.submit(read, index);
  await executor.shutdown();
  console.log(JSON.stringify({ warnings, lookCount }));
`;

const COUNTED = `
  import { ProcessPoolExecutor } from "asynccpu";

  function cov_1abc() {
    const coverage = { s: Array.from({ length: 12_000 }, (_, id) => ({ id, count: 0 })) };
    cov_1abc = () => coverage;
    return coverage;
  }
  cov_1abc();
  const double = (value) => {
    cov_1abc().s[0].count++;
    return value * 2;
  };

  process.on("warning", ({ message }) => console.log(message));
  const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  for (let index = 0; index < 4; index++) {
    double(index);
    await executor.submit(double, index);
  }
  await executor.shutdown();
`;

/** As many declarations and uses as a bundle of some megabytes has. */
const BUNDLED = `
  const { ProcessPoolExecutor } = require("asynccpu");
  ${Array.from({ length: 30_000 }, (_, id) => `var v${id} = ${id};`).join("")}
  function all() { return [${Array.from({ length: 60_000 }, (_, id) => `v${id % 30_000}`).join()}]; }
  const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  const beganMs = performance.now();
  executor.submit(() => v1 + v2).then(async (sum) => {
    await executor.shutdown();
    console.log(JSON.stringify([sum, performance.now() - beganMs]));
  });
`;

const ENDLESS = `
  import { ProcessPoolExecutor } from "asynccpu";

  const make = (id) => () => id;
  const library = { parts: Array.from({ length: 12_000 }, (_, id) => make(id)) };
  const useLibrary = () => library.parts[7]();
  const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  const messages = [];
  const submit = async () => {
    const beganMs = performance.now();
    await executor.submit(useLibrary).catch(({ message }) => messages.push(message));
    return performance.now() - beganMs;
  };
  const [firstMs, , laterMs] = [await submit(), await submit(), await submit()];
  await executor.shutdown();
  console.log(JSON.stringify({ messages, firstMs, laterMs }));
`;

test("the first look at a script of tens of thousands of variables takes seconds at most", () => {
  using folder = new ProgramFolder();
  folder.linkPackage();
  folder.write({ "main.cjs": BUNDLED });
  const { stdout, stderr } = folder.run(["main.cjs"]);
  const [sum, ms] = JSON.parse(stdout || "[]") as [number?, number?];
  assert.equal(sum, 3, stderr);
  assert.ok(Number(ms) < 15_000, `${String(ms)} ms`);
});

test("a variable on which a whole library hangs is refused by its name, and the refusal is remembered", () => {
  using folder = new ProgramFolder();
  folder.linkPackage();
  folder.write({ "main.mjs": ENDLESS });
  const { stdout, stderr } = folder.run(["--no-warnings", "main.mjs"]);
  const { messages, firstMs, laterMs } = JSON.parse(stdout || "{}") as Record<string, unknown>;
  assert.equal((messages as string[] | undefined)?.length, 3, stderr);
  for (const message of messages as string[]) {
    assert.match(message, /- library.*: it takes along more than 10,000 functions\. Let the worker import it/);
    assert.equal(message.match(/^ {2}- /gm)?.length, 1);
  }
  assert.ok(Number(laterMs) < Number(firstMs) / 10, stdout);
});

describe("a variable whose look keeps blocking the event loop", () => {
  const folder = new ProgramFolder();
  folder.linkPackage();
  folder.write({ "main.mjs": PROGRAM, "counted.mjs": COUNTED, "compared.mjs": COMPARED });
  after(() => folder[Symbol.dispose]());

  test("is warned of once, with its name, what it costs and what to do", () => {
    const { stdout, stderr } = folder.run(["--no-warnings", "main.mjs"]);
    const warnings = JSON.parse(stdout) as { name: string; code: string; message: string }[];
    assert.deepEqual(
      warnings.map(({ name, code }) => [name, code]),
      [["AsyncCpuWarning", "ASYNCCPU_SLOW_CAPTURE"]],
      stderr,
    );
    assert.match(
      warnings[0]?.message ?? "",
      /^The variable "table" of the function "read" .* \d+ ms \(.*main\.mjs:6:27\)\. Make it in the worker: /,
    );
  });

  test("is warned of once, too, where nothing changes and only the comparison takes long", () => {
    const { stdout, stderr } = folder.run(["--no-warnings", "compared.mjs"]);
    const { warnings, lookCount } = JSON.parse(stdout || "{}") as { warnings: string[]; lookCount: number };
    assert.equal(lookCount, 1, stderr);
    assert.equal(warnings.length, 1);
    assert.match(
      warnings[0] ?? "",
      /^The variable "table" of the function "read" .* \d+ ms \(.*compared\.mjs:13:27\)/,
    );
  });

  test("is told for what it is when it holds istanbul's counters", () => {
    const { stdout } = folder.run(["--no-warnings", "counted.mjs"]);
    assert.match(stdout, /^The variable "cov_1abc" of the function "double" .* istanbul.* V8 \(c8, [^\n]+\n$/);
  });
});
