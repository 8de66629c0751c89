/**
 * What `initializer` and `configurer` leave in the variables of the program's modules, for the tasks of the worker.
 */

import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { FORMS } from "../testlibraries/state-programs.js";
import { StatePrograms } from "../testlibraries/state-programs.js";

const programs = new StatePrograms();
after(() => programs[Symbol.dispose]());

const CONNECTING = `
  let db = openDb();
  let level;
  let count = 10;
  let isReady = false;
  class Box { constructor(name) { this.name = name; } }
  function openDb() { return { socket: net.createServer(), name: "program's" }; }
  function connect(name) { db = new Box(name); }
  function prepare(name) { connect(name); count += 1; setTimeout(() => { isReady = true; }, 20); }
  function configure() { level = "warn"; }
  async function waitUntilReady() { while (!isReady) await new Promise((resolve) => setTimeout(resolve, 5)); return isReady; }`;

for (const form of FORMS) {
  describe(`in a program of the form ${form}`, () => {
    test("a task reads what the initializer has loaded", () => {
      const found = programs.find(form, {
        declarations: `
          let model;
          class Model { constructor(file) { this.file = file; } }
          async function loadModel(file) { await new Promise(setImmediate); model = new Model(file); }`,
        options: `{ initializer: loadModel, initargs: ["model.bin"] }`,
        body: `
          found.model = await run(() => [model.file, model instanceof Model]);
          found.program = typeof model;`,
      });
      assert.deepEqual(found, { model: ["model.bin", true], program: "undefined" });
    });

    test("what initializer and configurer assign is the worker's, and the program's value is not looked at", () => {
      const found = programs.find(form, {
        declarations: CONNECTING,
        options: `{ initializer: prepare, initargs: ["worker's"], queue: new LogQueue(), configurer: configure }`,
        body: `
          found.first = await run(() => [db.name, db instanceof Box, level, count]);
          found.later = await run(waitUntilReady);
          db.name = "changed"; level = "debug"; count = 99;
          found.kept = [await run(() => [db.name, level, ++count]), await run((fn) => fn(), () => [db.name, level, count])];
          found.program = [db.name, level, count];
          db.socket.close();`,
      });
      assert.deepEqual(found, {
        first: ["worker's", true, "warn", 11],
        later: true,
        kept: [
          ["worker's", "warn", 12],
          ["worker's", "warn", 12],
        ],
        program: ["changed", "debug", 99],
      });
    });

    test("a nested executor has the variables of its worker, and those that its own initializer sets", () => {
      const found = programs.find(form, {
        declarations: `${CONNECTING}
          let answers = 0;
          const log = [];
          const readAnswers = () => answers;
          async function nest() {
            const { ProcessTaskPoolExecutor } = await import("asynccpu");
            const inner = new ProcessTaskPoolExecutor({ maxWorkers: 1, initializer: () => { count = 50; } });
            const run = (fn, ...args) => inner.createProcessTask(fn, ...args);
            answers += 1;
            log.push("outer");
            try {
              return [
                await run(() => { answers += 10; log.push("inner"); return [answers, db.name, db instanceof Box, count]; }),
                await run(readAnswers),
                await run(() => log.length),
                [answers, count, log.length],
              ];
            } finally {
              await inner.shutdown();
            }
          }`,
        options: `{ initializer: prepare, initargs: ["worker's"] }`,
        body: `
          found.nested = await run(nest);
          found.after = await run(() => [answers, count, log]);
          db.socket.close();`,
      });
      assert.deepEqual(found, {
        nested: [[11, "worker's", true, 50], 11, 2, [1, 11, 1]],
        after: [1, 11, ["outer"]],
      });
    });

    test("it works where Node makes no code from strings, and when the initializer fails", () => {
      const flags = ["--disallow-code-generation-from-strings"];
      const found = programs.find(
        form,
        {
          declarations: `
            let count = 1;
            const isStrict = () => (function () { return this === undefined; })();
            function prepare(isWell) { count += 1; if (!isWell) throw new RangeError("not well"); }`,
          options: `{ initializer: prepare, initargs: [true] }`,
          body: `
            found.counts = [await run(() => ++count), await run(() => count)];
            found.isStrict = await run(isStrict);
            const failing = new ProcessTaskPoolExecutor({ maxWorkers: 1, initializer: prepare, initargs: [false] });
            const error = await failing.createProcessTask(() => count).exception();
            found.failure = [error.code, error.cause.message];
            await failing.shutdown();`,
        },
        { flags },
      );
      assert.deepEqual(found, {
        counts: [3, 3],
        isStrict: form === "mjs",
        failure: ["ASYNCCPU_INITIALIZER_FAILED", "not well"],
      });
    });
  });
}
