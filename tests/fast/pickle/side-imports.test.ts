/** Imports that a worker runs before it builds a function: for effects, and of the packages of captured objects. */

import { deepStrictEqual } from "node:assert/strict";
import { strictEqual } from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { ProgramFolder } from "../../testlibraries/program-folder.js";

const PACKAGES = {
  "node_modules/first/package.json": `{ "exports": { ".": "./index.cjs", "./config": "./config.cjs" } }`,
  "node_modules/first/index.cjs": `(globalThis.loaded ??= []).push("first");`,
  "node_modules/first/config.cjs": `(globalThis.loaded ??= []).push("config"); Reflect.mark = (fn) => fn;`,
  "node_modules/second/package.json": `{ "type": "module", "exports": "./index.js" }`,
  "node_modules/second/index.js": `globalThis.loaded = [...(globalThis.loaded ?? []), "second"]; export const used = 1;`,
  "node_modules/only-here/package.json": `{ "exports": "./index.cjs" }`,
  "node_modules/only-here/index.cjs": `if (process.send !== undefined || process.env.NO_SERVER) throw new Error("no server here");`,
};

/** Packages whose inner files have the classes, which their entries set up. */
const WITH_INNER_FILES = {
  "node_modules/shapes/package.json": `{ "type": "module", "exports": { "./full": "./full.js" } }`,
  "node_modules/shapes/shape.js": `
    import tools from "./tools.js";
    class Shape { constructor(side) { this.side = side; } area() { return tools.square(this.side); } }
    export default Shape;
  `,
  "node_modules/shapes/tools.js": `export default {};`,
  "node_modules/shapes/full.js": `
    import Shape from "./shape.js";
    import tools from "./tools.js";
    tools.square = (x) => x * x;
    Shape.prototype.double = function () { return new Shape(this.side * 2); };
    export const make = (side) => new Shape(side);
  `,
  "node_modules/@my/old/package.json": `{ "main": "./index.js" }`,
  "node_modules/@my/old/shape.js": `
    const tools = require("./tools.js");
    module.exports = class Shape { constructor(side) { this.side = side; } area() { return tools.square(this.side); } };
  `,
  "node_modules/@my/old/tools.js": ``,
  "node_modules/@my/old/index.js": `
    const Shape = require("./shape.js");
    require("./tools.js").square = (x) => x * x;
    Shape.prototype.double = function () { return new Shape(this.side * 2); };
    exports.make = (side) => new Shape(side);
  `,
  "node_modules/broken/package.json": `{ "main": "./index.js" }`,
  "node_modules/broken/point.js": `module.exports = class Point { constructor() { this.x = 1; } get() { return this.x; } };`,
  "node_modules/broken/index.js": `
    if (process.send !== undefined || process.env.NO_SERVER) throw new Error("no server here");
    exports.make = () => new (require("./point.js"))();
  `,
};

const CAPTURE = `
  const shape = make(3), point = makePoint();
  const cases = [
    () => [shape.area(), shape.double().area(), globalThis.loaded],
    () => point.get(),
    () => { throw new TypeError("of the task with " + point.get()); },
    () => { throw new TypeError("of the task"); },
    () => used,
  ];
  const nested = async () => {
    const { ProcessPoolExecutor } = await import("asynccpu");
    const inner = new ProcessPoolExecutor({ maxWorkers: 1 });
    const own = make(5);
    try {
      return [await inner.submit(() => own.area()), await inner.submit(() => shape.double().area())];
    } finally {
      await inner.shutdown();
    }
  };
  process.env.NO_SERVER = "1";
  (async () => {
    const results = [];
    for (const each of [...cases, nested]) {
      const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
      results.push(await executor.submit(each).catch((error) => [error.message, error.cause?.message]));
      await executor.shutdown();
    }
    console.log("RESULTS" + JSON.stringify(results));
  })();
`;
const CAPTURED = [[9, 36, null], 1, ["of the task with 1", "no server here"], ["of the task", null], 1, [25, 36]];

const BODY = `
  class Marked { static kind = Reflect.mark("kind"); }
  const cases = [
    () => globalThis.loaded,
    () => [Marked.kind, globalThis.loaded.length],
    () => { throw new TypeError("of the task"); },
    () => { throw new TypeError("with a cause", { cause: "its own" }); },
    () => missing.name,
  ];
  const nested = async (own) => {
    const { ProcessPoolExecutor } = await import("asynccpu");
    const inner = new ProcessPoolExecutor({ maxWorkers: 1 });
    try { return await inner.submit(() => [Marked.kind, globalThis.loaded]); } finally { await inner.shutdown(); }
  };
  process.env.NO_SERVER = "1";
  (async () => {
    const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
    const told = (error) => [error.name, error.message, error.cause?.message ?? error.cause];
    const results = [];
    for (const each of cases) results.push(await executor.submit(each).catch(told));
    results.push(await executor.submit(nested).catch(told));
    results.push(await executor.map((x) => { throw new RangeError("of a call " + x); }, [1]).next().catch(told));
    console.log("RESULTS" + JSON.stringify(results));
    await executor.shutdown();
  })();
`;

const CAUSE = "no server here";
function expected(order: readonly string[]): unknown {
  return [
    order,
    ["kind", order.length],
    ["TypeError", "of the task", CAUSE],
    ["TypeError", "with a cause", "its own"],
    ["ReferenceError", "missing is not defined", CAUSE],
    ["kind", order],
    ["RangeError", "of a call 1", CAUSE],
  ];
}

describe("what a module imports for its effects", () => {
  const folder = new ProgramFolder();
  after(() => {
    folder[Symbol.dispose]();
  });
  folder.linkPackage();
  folder.write({ ...PACKAGES, ...WITH_INNER_FILES });
  folder.write({ "starts-server.mjs": `console.log("SERVER");`, "starts-server.cjs": `console.log("SERVER");` });

  function resultsOf(name: string, text: string): unknown {
    folder.write({ [name]: text });
    const { stdout, stderr } = folder.run([name]);
    const [, results] = /^RESULTS(.*)$/m.exec(stdout) ?? [];
    strictEqual(typeof results, "string", stdout + stderr);
    strictEqual(stdout.match(/SERVER/g)?.length, 1, "a relative file is run in the program only");
    return JSON.parse(results ?? "");
  }

  test("is run in the worker, in its order, packages only; in an ES module", () => {
    const imports = `
      import "./starts-server.mjs";
      import { ProcessPoolExecutor } from "asynccpu";
      import "first/config";
      import "only-here";
      import "node:fs";
      import "second";
      import { used } from "second";
      import "first";
    `;
    deepStrictEqual(resultsOf("main.mjs", imports + BODY), expected(["config", "second", "first"]));
  });

  test("is run in the worker where tsx puts a CommonJS module into a function", () => {
    const imports = `
      (() => {
        require("./starts-server.cjs");
        var import_asynccpu = require("asynccpu"), { ProcessPoolExecutor } = import_asynccpu;
        var import_config = require("first/config");
        var import_here = require("only-here");
    `;
    deepStrictEqual(resultsOf("tsx.cjs", `${imports}${BODY}})();`), expected(["config"]));
  });

  test("is run in the worker in CommonJS, as people and as compilers write it", () => {
    const imports = `
      "use strict";
      require("./starts-server.cjs");
      const { ProcessPoolExecutor } = require("asynccpu");
      require("first");
      require("only-here");
      var import_config = require("first/config");
    `;
    deepStrictEqual(resultsOf("main.cjs", imports + BODY), expected(["first", "config"]));
  });

  test("and what it imports of the package of a captured object; in an ES module", () => {
    const imports = `
      import "./starts-server.mjs";
      import { ProcessPoolExecutor } from "asynccpu";
      import { make } from "shapes/full";
      import { make as makePoint } from "broken";
      import { used } from "second";
    `;
    deepStrictEqual(resultsOf("capture.mjs", imports + CAPTURE), CAPTURED);
  });

  const requires = `
    require("./starts-server.cjs");
    const { ProcessPoolExecutor } = require("asynccpu");
    const { make } = require("@my/old"), makePoint = require("broken").make;
    const { used } = { used: 1, lazy() { require("first"); } };
  `;

  test("and what it imports of the package of a captured object; in CommonJS", () => {
    deepStrictEqual(resultsOf("capture.cjs", requires + CAPTURE), CAPTURED);
  });

  test("and what it imports of the package of a captured object; where tsx puts a module into a function", () => {
    deepStrictEqual(resultsOf("capture-tsx.cjs", `(() => {${requires}${CAPTURE}})();`), CAPTURED);
  });
});
