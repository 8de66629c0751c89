/**
 * The class of what a task throws is found the first time and every time, whatever was collected or searched before.
 */

import assert from "node:assert/strict";
import { after } from "node:test";
import { before } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { ProgramFolder } from "../testlibraries/program-folder.js";

/** What every program begins with; `said` collects what is printed at its end. */
const HEAD = `
const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
const said = [];
async function thrownBy(fn, ...args) {
  gc();
  const future = executor.createProcessTask(fn, ...args);
  gc();
  return future.then(() => "nothing", (error) => error);
}
async function finish() {
  await executor.shutdown();
  console.log(said.join(" "));
}
`;

const MODULE_HEAD = `import { ProcessTaskPoolExecutor } from "asynccpu";${HEAD}`;

const FILES: Readonly<Record<string, string>> = {
  "lib/thrower.mjs": `
    import { InnerError } from "./inner.mjs";
    class HiddenError extends Error {}
    export function throwHidden() { throw new HiddenError("hidden"); }
    export function throwInner() { throw new InnerError("inner"); }
    export const isHidden = (error) => error instanceof HiddenError;
    export const isInner = (error) => error instanceof InnerError;`,
  "lib/inner.mjs": "export class InnerError extends RangeError {}",
  "lib/late.mjs": "export class LateError extends Error {}",
  "lib/service.cjs": `
    class ServiceError extends Error {}
    class Service { constructor() { this.ServiceError = ServiceError; } }
    module.exports = new Service();`,
  "lib/common.cjs": `
    class HiddenError extends TypeError {}
    exports.throwHidden = () => { throw new HiddenError("hidden"); };
    exports.isHidden = (error) => error instanceof HiddenError;`,
  "lib/lazy.cjs": "exports.LazyError = class LazyError extends Error {};",

  "rounds.mjs": `${MODULE_HEAD}
    class MyError extends Error {}
    class Sub extends MyError {}
    for (let round = 0; round < 5; round += 1) {
      said.push((await thrownBy(() => { throw new MyError("x"); })) instanceof MyError);
      said.push((await thrownBy(() => { throw new Sub(String(round)); })) instanceof Sub);
    }
    const queue = Array.from({ length: 1000 }, (_, at) => {
      if (at % 100 === 0) gc();
      return executor.createProcessTask(() => { throw new MyError("queued"); }).exception();
    });
    let count = 0;
    for (const [at, each] of queue.entries()) {
      if ((await each) instanceof MyError) count += 1;
      if (at % 100 === 0) gc();
    }
    said.push(count);
    await finish();`,

  "http.mjs": `${MODULE_HEAD}
    import { createServer } from "node:http";
    class ValidationError extends Error {}
    const server = createServer(async (request, response) => {
      const body = { path: request.url, filler: new Array(1e4).fill(0) };
      gc();
      try {
        await executor.createProcessTask((path) => { throw new ValidationError(path); }, body.path);
      } catch (error) {
        gc();
        response.statusCode = error instanceof ValidationError ? 422 : 500;
      }
      response.end();
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    for (let at = 0; at < 4; at += 1) {
      said.push((await fetch(\`http://127.0.0.1:\${server.address().port}/\${at}\`)).status);
    }
    server.close();
    server.closeAllConnections();
    await finish();`,

  "late.mjs": `${MODULE_HEAD}
    const fail = () => { throw new Below("x"); };
    const failLate = async () => { throw new (await import("./lib/late.mjs")).LateError("x"); };
    let Late;
    const isLate = (error) => Late !== undefined && error instanceof Late;
    said.push((await thrownBy(failLate)).name, (await thrownBy(() => { throw new RangeError("x"); })).name);
    ({ LateError: Late } = await import("./lib/late.mjs"));
    said.push(isLate(await thrownBy(failLate)));
    class Below extends Error {}
    said.push((await thrownBy(fail)) instanceof Below);
    await finish();`,

  "places.mjs": `${MODULE_HEAD}
    import service from "./lib/service.cjs";
    import { isHidden, isInner, throwHidden, throwInner } from "./lib/thrower.mjs";
    class MyError extends Error {}
    said.push(isHidden(await thrownBy(() => throwHidden())), isInner(await thrownBy(() => throwInner())));
    said.push(isHidden(await thrownBy(throwHidden)));
    said.push((await thrownBy(() => { throw new service.ServiceError("x"); })) instanceof service.ServiceError);
    said.push((await thrownBy((call) => call(), () => { throw new MyError("x"); })) instanceof MyError);
    said.push((await thrownBy(function () { throw new this.E("x"); }.bind({ E: MyError }))) instanceof MyError);
    await finish();`,

  "closures.mjs": `${MODULE_HEAD}
    function make() {
      class Local extends Error {}
      return { Local, fail: () => { throw new Local("x"); } };
    }
    const [a, b] = [make(), make()];
    for (const { Local, fail } of [a, b, a]) {
      const error = await thrownBy(fail);
      said.push(error instanceof Local, error instanceof a.Local);
    }
    const makeClass = (name) => class Made extends Error {
      constructor(message) { super(message); this.name = name; }
    };
    const First = makeClass("First");
    const Second = makeClass("Second");
    const errors = { Third: makeClass("Third") };
    const throwSecond = () => { throw new Second("x"); };
    said.push((await thrownBy(() => throwSecond())) instanceof Second);
    said.push((await thrownBy(() => { throw new First("x"); })) instanceof First);
    said.push((await thrownBy(() => { throw new errors.Third("x"); })) instanceof errors.Third);
    const named = (name) => Object.defineProperty(class extends Error {}, "name", { value: name });
    const Alpha = named("Alpha");
    const Beta = named("Beta");
    said.push((await thrownBy(() => { throw new Beta("x"); })) instanceof Beta);
    await finish();`,

  "common.cjs": `const { ProcessTaskPoolExecutor } = require("asynccpu");
    const { isHidden, throwHidden } = require("./lib/common.cjs");${HEAD}
    class MyError extends Error {}
    const failLazily = () => { throw new (require("./lib/lazy.cjs").LazyError)("x"); };
    exports.fail = () => { throw new Below("x"); };
    void (async () => {
      for (let round = 0; round < 3; round += 1) {
        said.push((await thrownBy(() => { throw new MyError("x"); })) instanceof MyError);
      }
      said.push(isHidden(await thrownBy(() => throwHidden())));
      said.push((await thrownBy(exports.fail)) instanceof Below);
      said.push((await thrownBy(failLazily)).constructor === Error);
      const { LazyError } = require("./lib/lazy.cjs");
      said.push((await thrownBy(failLazily)) instanceof LazyError);
      await finish();
    })();
    class Below extends Error {}`,

  "elsewhere.mjs": `import { Readable } from "node:stream";
    import { ProcessTaskPoolExecutor } from "asynccpu";
    class MyError extends Error {}
    const said = [];
    const initializer = () => { throw new MyError("x"); };
    const broken = new ProcessTaskPoolExecutor({ maxWorkers: 1, initializer });
    const { cause } = await broken.createProcessTask(() => 1).exception();
    said.push(cause instanceof MyError);
    await broken.shutdown();
    const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
    const results = executor.map((at) => { if (at === 2) throw new MyError("x"); return at; }, [1, 2, 3]);
    try {
      for await (const each of results) said.push(each);
    } catch (error) {
      said.push(error instanceof MyError);
    }
    const [given] = await executor.createProcessTask(() => [new MyError("given")]);
    said.push(given instanceof MyError);
    const stream = await executor.createProcessTask(() => {
      return Readable.from((async function* () { yield 1; throw new MyError("x"); })());
    });
    try {
      for await (const _ of stream);
    } catch (error) {
      said.push(error instanceof MyError);
    }
    await executor.shutdown();
    console.log(said.join(" "));`,
};

const folder = new ProgramFolder();

before(() => {
  folder.linkPackage();
  folder.write(FILES);
});

after(() => folder[Symbol.dispose]());

function says(program: string): string {
  const { status, stdout, stderr } = folder.run(["--expose-gc", program]);
  assert.equal(status, 0, stderr);
  return stdout.trim();
}

function all(count: number): string {
  return Array.from({ length: count }, () => "true").join(" ");
}

describe("the class of what a task throws, with collections before, while and after it runs", () => {
  test("is found the first time, each time, and in a queue of 1,000", () => {
    assert.equal(says("rounds.mjs"), `${all(10)} 1000`);
  });

  test("is found in each of four bad requests in a row", () => {
    assert.equal(says("http.mjs"), "422 422 422 422");
  });

  test("is found when it is evaluated after the first search", () => {
    assert.equal(says("late.mjs"), `LateError RangeError ${all(2)}`);
  });

  test("is found in imports, in members of instances, and around functions in arguments and bound ones", () => {
    assert.equal(says("places.mjs"), all(6));
  });

  test("is that of the function that was submitted, when a function makes classes", () => {
    assert.equal(says("closures.mjs"), `true true true false true true ${all(4)}`);
  });

  test("is found in CommonJS modules, where a function requires them as well", () => {
    assert.equal(says("common.cjs"), all(7));
  });

  test("is found in what an initializer throws, and in results of all kinds", () => {
    assert.equal(says("elsewhere.mjs"), "true 1 true true true");
  });
});
