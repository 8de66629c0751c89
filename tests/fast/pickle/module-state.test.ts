/** What tasks of one worker have in common: the top-level variables of the program's modules. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { FORMS } from "../../testlibraries/state-programs.js";
import { StatePrograms } from "../../testlibraries/state-programs.js";

const programs = new StatePrograms();
after(() => programs[Symbol.dispose]());

for (const form of FORMS) {
  describe(`in a program of the form ${form}`, () => {
    test("tasks share the variables, functions and classes of a module, also with functions in arguments", () => {
      const found = programs.find(form, {
        declarations: `
          const cache = new Map();
          function put(key, value) { cache.set(key, value); return cache.size; }
          function size() { return cache.size; }
          let count = 0;
          function raise() { count += 1; return count; }
          const readCount = () => count;
          class Tally { static hits = 0; static hit() { return ++Tally.hits; } }
          const list = [1];
          const both = [list];
          const emitter = { listeners: [], on(fn) { this.listeners.push(fn); }, emit() { return this.listeners.map((fn) => fn()); } };
          function listen() { emitter.on(() => ++count); return emitter.listeners.length; }
          const keys = new WeakMap();
          function swap() { [first, second] = [second, first]; return [first, second]; }
          let [first, { second }] = [1, { second: 2 }];`,
        body: `
          found.cache = [await run(put, "a", 1), await run(size), await run(put, "b", 2), await run(() => [...cache.keys()])];
          found.count = [await run(raise), await run(readCount), await run(raise), await run(() => [count, raise(), readCount()])];
          found.functions = [
            await run((fn) => fn === raise, raise),
            await run((of) => of === Tally && new of() instanceof Tally, Tally),
            await run((fn) => { fn(); return readCount(); }, () => { count = 100; }),
            await run(readCount),
          ];
          found.statics = [await run(Tally.hit), await run(() => Tally.hit()), await run(() => Tally.hits)];
          found.identity = [await run(() => both[0] === list), await run(() => list.push(2)), await run(() => [both[0].length, both[0] === list])];
          found.listeners = [await run(listen), await run(listen), await run(() => emitter.emit()), await run(readCount)];
          found.swapped = [await run(swap), await run(() => [first, second]), await run(swap)];
          found.program = [cache.size, count, Tally.hits, list.length, first];`,
      });
      assert.deepEqual(found, {
        cache: [1, 1, 2, ["a", "b"]],
        count: [1, 1, 2, [2, 3, 3]],
        functions: [true, true, 100, 100],
        statics: [1, 2, 2],
        identity: [true, 2, [2, true]],
        listeners: [1, 2, [101, 102], 102],
        swapped: [
          [2, 1],
          [2, 1],
          [1, 2],
        ],
        program: [0, 0, 0, 1, 1],
      });
    });

    test("a task begins with what the program has changed since, and with the worker's own values else", () => {
      const found = programs.find(form, {
        declarations: `
          let limit = 5;
          let settings = { level: 1, seen: [] };
          let handler = () => "first";
          let nothing = NaN;
          let zero = 0;
          const table = new Map([["a", { hits: 0 }]]);
          class Step { static size = 1; static walk() { return Step.size; } name() { return "own"; } }
          function look() { settings.seen.push("x"); return [limit, settings.level, settings.seen.length]; }`,
        body: `
          found.kept = [await run(look), await run(look)];
          limit = 6;
          found.primitive = await run(look);
          limit = 6; settings = settings; settings.level = 1;
          found.equal = await run(look);
          settings.level = 2;
          found.contents = [await run(look), await run(look)];
          settings = { level: 2, seen: [] };
          found.another = [await run(look), await run(look)];
          found.handler = [await run(() => handler()), await run(() => { handler = () => "task's"; return handler(); }), await run(() => handler())];
          handler = () => "second";
          found.handler.push(await run(() => handler()));
          found.odd = [await run(() => { nothing = 1; zero = 1; return 0; }), (nothing = NaN, zero = -0, await run(() => [nothing, Object.is(zero, -0)]))];
          found.map = [await run(() => ++table.get("a").hits), await run(() => ++table.get("a").hits)];
          table.set("b", { hits: 7 });
          found.map.push(await run(() => [table.get("a").hits, table.get("b").hits]));
          found.statics = [await run(() => ++Step.size), await run(Step.walk)];
          Step.size = 10; Step.extra = 1; Step.prototype.name = () => "given";
          found.statics.push(await run(() => [Step.walk(), Step.extra, new Step().name()]), await run(() => ++Step.size), await run(Step.walk));
          delete Step.extra;
          found.statics.push(await run(() => [Step.extra, new Step().name(), Step.size]));
          const queued = [1, 2, 3].map((each) => { limit = each; settings.level = each; return run(() => [limit, settings.level]); });
          found.queued = await Promise.all(queued);`,
      });
      assert.deepEqual(found, {
        kept: [
          [5, 1, 1],
          [5, 1, 2],
        ],
        primitive: [6, 1, 3],
        equal: [6, 1, 4],
        contents: [
          [6, 2, 1],
          [6, 2, 2],
        ],
        another: [
          [6, 2, 1],
          [6, 2, 2],
        ],
        handler: ["first", "task's", "task's", "second"],
        odd: [0, [1, true]],
        map: [1, 2, [0, 7]],
        statics: [2, 2, [10, 1, "given"], 11, 11, [null, "given", 10]],
        queued: [
          [1, 1],
          [2, 2],
          [3, 3],
        ],
      });
    });
  });
}
