/** A program that has not installed what asynccpu/bullmq needs. */

import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { symlinkSync } from "node:fs";
import { test } from "node:test";
import path from "node:path";

import { CHECKOUT } from "../../testlibraries/program-folder.js";
import { ProgramFolder } from "../../testlibraries/program-folder.js";

const PROGRAM = [
  'import { BullMQTaskExecutor, BullMQTaskHost, MissingPackageError } from "asynccpu/bullmq";',
  'import { add } from "./tasks.mjs";',
  'const options = { connection: { url: "redis://127.0.0.1:1" }, tasks: new URL("./tasks.mjs", import.meta.url) };',
  "const executor = new BullMQTaskExecutor(options);",
  "const errors = [",
  "  await executor.submit(add, 1, 2).exception(),",
  "  await new BullMQTaskHost(options).start().catch((error) => error),",
  "];",
  "for (const error of errors) {",
  '  console.log(error instanceof MissingPackageError, error.code, error.packageName, error.cause.code.replace(/^ERR_/, ""));',
  "  console.log(error.message);",
  "}",
  "await executor.shutdown();",
].join("\n");

for (const [missing, there] of [
  ["bullmq", []],
  ["ioredis", ["bullmq"]],
] as const) {
  test(`without the package ${missing}, tasks and hosts fail with an error that says what to install`, () => {
    using folder = new ProgramFolder();
    // Copies: from links, Node would look for packages in this checkout.
    const home = path.join("node_modules", "asynccpu");
    cpSync(path.join(CHECKOUT, "dist"), folder.at(home, "dist"), { recursive: true });
    cpSync(path.join(CHECKOUT, "package.json"), folder.at(home, "package.json"));
    for (const name of there) {
      symlinkSync(path.join(CHECKOUT, "node_modules", name), folder.at("node_modules", name), "junction");
    }
    folder.write({ "tasks.mjs": "export function add(a, b) { return a + b; }", "program.mjs": PROGRAM });
    const { status, stdout, stderr } = folder.run(["program.mjs"]);
    const error = [
      `true ASYNCCPU_MISSING_PACKAGE ${missing} MODULE_NOT_FOUND`,
      `asynccpu/bullmq needs the package ${missing}, which can't be loaded here: npm install ${missing}.`,
    ];
    assert.deepEqual([status, stdout.trim().split("\n")], [0, [...error, ...error]], stderr);
  });
}
