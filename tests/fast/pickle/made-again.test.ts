/**
 * What `node:util` makes of functions, and members of imports: in an ES module, in CommonJS, and as bundlers write it.
 */

import { deepStrictEqual } from "node:assert/strict";
import { strictEqual } from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { ProgramFolder } from "../../testlibraries/program-folder.js";

/**
 * A package whose functions are native, as those of addons are; of the other, the export is a function with members.
 */
const PACKAGES = {
  "node_modules/native/package.json": `{ "main": "index.cjs" }`,
  "node_modules/native/index.cjs": `
    const bytes = Buffer.from("0061736d0100000001070160027f7f017f030201000707010361646400000a09010700200020016a0b", "hex");
    const { add } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
    const secrets = new WeakRef({});
    class Client { #count = 1; next() { return ++this.#count; } }
    exports.math = { add, deep: { add2: add } };
    exports.client = new Client();
    exports.join = (() => (text) => (secrets.deref() === 1 ? "" : text + "!"))();
  `,
  "node_modules/callable/package.json": `{ "main": "index.cjs" }`,
  "node_modules/callable/index.cjs": `
    const secrets = new WeakRef({});
    const make = (name) => (text) => (secrets.deref() === 1 ? "" : name + text);
    module.exports = make("callable ");
    module.exports.extra = { shout: make("shout ") };
    module.exports.whisper = make("whisper ");
  `,
};

/** What esbuild puts at the head of a bundle, and what it makes of a package whose export is a function. */
const ESBUILD = `
  var __create = Object.create, __defProp = Object.defineProperty, __getOwnPropDesc = Object.getOwnPropertyDescriptor;
  var __getOwnPropNames = Object.getOwnPropertyNames, __getProtoOf = Object.getPrototypeOf;
  var __hasOwnProp = Object.prototype.hasOwnProperty;
  var __commonJS = (cb, mod) => function __require() {
    return mod || (0, cb[__getOwnPropNames(cb)[0]])((mod = { exports: {} }).exports, mod), mod.exports;
  };
  var __copyProps = (to, from, except, desc) => {
    if (from && typeof from === "object" || typeof from === "function") {
      for (let key of __getOwnPropNames(from))
        if (!__hasOwnProp.call(to, key) && key !== except)
          __defProp(to, key, { get: () => from[key], enumerable: !(desc = __getOwnPropDesc(from, key)) || desc.enumerable });
    }
    return to;
  };
  var __toESM = (mod, isNodeMode, target) => (target = mod != null ? __create(__getProtoOf(mod)) : {}, __copyProps(
    isNodeMode || !mod || !mod.__esModule ? __defProp(target, "default", { value: mod, enumerable: true }) : target, mod));
  var require_bundled = __commonJS({ "bundled.js"(exports, module) {
    function bundled(text) { return "bundled " + text; }
    bundled.version = "1.0";
    bundled.twice = (text) => text + text;
    module.exports = bundled;
  } });
`;

const MADE = `
  const own = (x, done) => setImmediate(() => (x < 0 ? done(new Error("negative")) : done(null, x * 2)));
  const execFileP = promisify(execFile);
  const execP = promisify(exec);
  const scryptP = util.promisify(scrypt);
  const ownP = promisify(own);
  const boundP = promisify(own.bind(null, 4));
  const custom = promisify(Object.assign(() => {}, { [promisify.custom]: async (x) => "custom " + x }));
  const { promisify: again } = util;
  const sleep = again(setTimeout);
  const callback = util.callbackify(async (x) => x + 1);
  const old = util.deprecate((x) => x + 1, "it is old", "DEP_MINE");
  const log = util.debuglog("mine");
  const now = performance.now.bind(performance);
  const print = console.log.bind(console);
  const { subtle } = globalThis.crypto;
  class Service { run = promisify(own); files = { stat: promisify(stat) }; }
  const service = new Service();
  function Base() { this.base = 1; }
  Base.prototype.hi = function () { return "hi " + this.base; };
  function Derived() { Base.call(this); }
  util.inherits(Derived, Base);
  const cases = [
    async () => (await execFileP(process.execPath, ["-p", "1+1"])).stdout.trim(),
    async () => (await execP("echo out")).stdout.trim(),
    async () => (await scryptP("a", "b", 8)).length,
    async () => [await ownP(2), await ownP(-1).catch(String), ownP.name],
    async () => [await boundP(), await custom(1), await sleep(1, "slept")],
    async () => new Promise((resolve) => callback(1, (error, value) => resolve([error, value]))),
    async () => {
      const warned = new Promise((resolve) => process.once("warning", resolve));
      return [old(1), (await warned).code, (await warned).message];
    },
    async () => [log.enabled, log("unseen")],
    async () => now() > 0 && print.name,
    async () => (await subtle.digest("SHA-1", new Uint8Array(2))).byteLength,
    async () => [await service.run(4), (await service.files.stat(process.execPath)).isFile()],
    async () => [new Derived().hi(), new Derived() instanceof Base, Derived.super_ === Base],
  ];
`;

const MADE_RESULTS = [
  "2",
  "out",
  8,
  [4, "Error: negative", "own"],
  [8, "custom 1", "slept"],
  [null, 2],
  [2, "DEP_MINE", "it is old"],
  [false, null],
  "bound log",
  20,
  [8, true],
  ["hi 1", true, true],
];

const MEMBERS = `
  const { math } = native;
  const { add } = math;
  const deepest = native.math.deep.add2;
  const { client, join } = native;
  const holder = { sum: native.math.add, list: [add] };
  const { shout } = callable.extra;
  const whisper = callable.whisper;
  const cases = [
    () => add(1, 2),
    () => [deepest(2, 3), math.add(1, 1)],
    () => client.next(),
    () => join("a"),
    () => [holder.sum(3, 4), holder.list[0](1, 0)],
    () => [callable("a"), shout("b"), whisper("c")],
  ];
`;

const MEMBER_RESULTS = [3, [5, 2], 2, "a!", [7, 1], ["callable a", "shout b", "whisper c"]];

const RUN = `
  const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  (async () => {
    const results = [];
    for (const each of cases) results.push(await executor.submit(each).catch(String));
    console.log("RESULTS" + JSON.stringify(results));
    await executor.shutdown();
  })();
`;

const MODULE_IMPORTS = `
  import { ProcessPoolExecutor } from "asynccpu";
  import * as util from "node:util";
  import { promisify } from "node:util";
  import { exec, execFile } from "node:child_process";
  import { scrypt } from "node:crypto";
  import { stat } from "node:fs";
  import native from "native";
  import callable from "callable";
`;

const COMMONJS_IMPORTS = `
  const { ProcessPoolExecutor } = require("asynccpu");
  const util = require("node:util");
  const { promisify } = util;
  const { exec, execFile } = require("node:child_process");
  const { scrypt } = require("node:crypto");
  const { stat } = require("node:fs");
  const native = require("native");
  const callable = require("callable");
`;

/** As a bundler writes the imports of an ES module. */
function bundled(body: string): string {
  const imports = `
    var import_asynccpu = require("asynccpu");
    var import_node_util = __toESM(require("node:util")), import_child = require("node:child_process");
    var import_crypto = require("node:crypto"), import_fs = __toESM(require("node:fs"), 1);
    var import_native = __toESM(require("native"), 1), import_callable = __toESM(require("callable"), 1);
  `;
  const text = body
    .replaceAll(/(?<![.\w"])promisify(?=[(.])/g, "(0, import_node_util.promisify)")
    .replaceAll(/\butil(?=[.;])/g, "import_node_util")
    .replaceAll(/\b(execFile|exec)(?=\))/g, "import_child.$1")
    .replaceAll(/\bscrypt(?=\))/g, "import_crypto.scrypt")
    .replaceAll(/\bstat(?=\))/g, "import_fs.stat")
    .replaceAll(/\bnative(?=[.;])/g, "import_native.default")
    .replaceAll(/\bcallable(?=\()/g, "(0, import_callable.default)")
    .replaceAll(/\bcallable(?=\.)/g, "import_callable.default")
    .replaceAll("new ProcessPoolExecutor", "new import_asynccpu.ProcessPoolExecutor");
  return ESBUILD + imports + text;
}

describe("functions that are made again, and members of imports", () => {
  const folder = new ProgramFolder();
  after(() => {
    folder[Symbol.dispose]();
  });
  folder.linkPackage();
  folder.write(PACKAGES);

  function resultsOf(name: string, text: string): unknown {
    folder.write({ [name]: text });
    const { stdout, stderr } = folder.run([name]);
    const [, results] = /^RESULTS(.*)$/m.exec(stdout) ?? [];
    strictEqual(typeof results, "string", stdout + stderr);
    return JSON.parse(results ?? "");
  }

  for (const [what, body, expected] of [
    ["what node:util makes", MADE + RUN, MADE_RESULTS],
    ["members of imports", MEMBERS + RUN, MEMBER_RESULTS],
  ] as const) {
    test(`${what}, in an ES module`, () => {
      deepStrictEqual(resultsOf("main.mjs", MODULE_IMPORTS + body), expected);
    });

    test(`${what}, in CommonJS`, () => {
      deepStrictEqual(resultsOf("main.cjs", COMMONJS_IMPORTS + body), expected);
    });

    test(`${what}, as esbuild writes it`, () => {
      deepStrictEqual(resultsOf("bundle.cjs", bundled(body)), expected);
    });
  }

  test("a CommonJS package in a bundle whose export is a function", () => {
    const body = `
      var import_bundled = __toESM(require_bundled());
      const all = (object) => Object.keys(object).sort();
      const cases = [
        () => (0, import_bundled.default)("a"),
        () => [import_bundled.version, (0, import_bundled.twice)("b"), import_bundled.default.twice("c")],
        () => [all(import_bundled), typeof import_bundled],
      ];
    `;
    deepStrictEqual(resultsOf("bundle.cjs", bundled(body + RUN)), [
      "bundled a",
      ["1.0", "bb", "cc"],
      [["default", "twice", "version"], "object"],
    ]);
  });
});
