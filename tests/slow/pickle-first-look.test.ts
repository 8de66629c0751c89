/** What the first look at a function of a program takes: for most, neither the debugger nor a parser. */

import { deepStrictEqual } from "node:assert/strict";
import { strictEqual } from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { it } from "node:test";

import { ProgramFolder } from "../testlibraries/program-folder.js";

/** Notes the commands that the inspector gets, and tells what the submission of a function has taken. */
const TOOLS = `
  const inspector = require("node:inspector");
  const { ProcessPoolExecutor } = require("asynccpu");
  const posted = [];
  const { post } = inspector.Session.prototype;
  inspector.Session.prototype.post = function (...args) { posted.push(args[0]); return Reflect.apply(post, this, args); };
  exports.run = async (...calls) => {
    const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
    const results = [];
    for (const [submit, before] of calls) {
      before?.();
      const future = submit(executor);
      const result = await future.catch((error) => [error.name, error.message, /([\\w.-]+:\\d+:\\d+)\\)?$/m.exec(error.stack)?.[1]]);
      results.push(result);
    }
    const hasDebugger = posted.includes("Debugger.enable");
    const hasParser = Object.keys(require.cache).some((file) => /[/\\\\]syntax.cjs$/.test(file));
    console.log(JSON.stringify({ results, hasDebugger, hasParser }));
    await executor.shutdown();
  };
`;

describe("the first look at a function", () => {
  const folder = new ProgramFolder();
  after(() => {
    folder[Symbol.dispose]();
  });
  folder.linkPackage();
  folder.write({
    "tools.cjs": TOOLS,
    "sum.mjs": "export const sum = (...parts) => parts.reduce((a, b) => a + b, 0);",
    "fakes.mjs": "export const Fake = { max: () => 'fake' };",
    "node_modules/patch/index.js": "Array.prototype.sum = function () { return this.reduce((a, b) => a + b); };",
  });

  function run(name: string, text: string, ...options: readonly string[]): unknown {
    folder.write({ [name]: text });
    const { stdout, stderr } = folder.run([...options, name]);
    strictEqual(stderr, "");
    return JSON.parse(stdout);
  }

  const ESM = `import { run } from "./tools.cjs";\n`;
  const CJS = `const { run } = require("./tools.cjs");\n`;
  const COMPILED = `"use strict";\nObject.defineProperty(exports, "__esModule", { value: true });\n${CJS}`;

  for (const [name, head] of Object.entries({ "plain.mjs": ESM, "plain.cjs": CJS, "compiled.cjs": COMPILED })) {
    it(`takes no parser where the text says all, in ${name}`, () => {
      const text = `${head}
        async function work(list, factor) {
          const total = list.map((each) => Math.max(each, 1) * factor);
          return \`\${total.join()} of \${new Set(list).size}\`;
        }
        void run(
          [(executor) => executor.submit((n) => n * 2, 21)],
          [(executor) => executor.submit(work, [0, 5, 5], 2)],
          [(executor) => executor.submit(function () { return typeof this; })],
          [(executor) => executor.submit(async n => { throw new TypeError("no " + n); }, 1)],
        );`;
      const line = head.split("\n").length + 9;
      deepStrictEqual(run(name, text), {
        results: [
          42,
          "2,10,10 of 2",
          name === "plain.cjs" ? "object" : "undefined",
          ["TypeError", "no 1", `${name}:${line}:61`],
        ],
        hasDebugger: false,
        hasParser: false,
      });
    });

    it(`takes no debugger for a function of a file that is on the stack, in captures-${name}`, () => {
      const imports = head === ESM ? `import { sum } from "./sum.mjs";` : `const { sum } = { sum: (a, b) => a + b };`;
      const text = `${head}${imports}
        const base = 40;
        void run([(executor) => executor.submit((n) => sum(base, n), 2)]);`;
      deepStrictEqual(run(`captures-${name}`, text), { results: [42], hasDebugger: false, hasParser: true });
    });
  }

  it("is as quick in a file that begins with many comments, as packages have it", () => {
    const comments = "/** One. */ // two // three\n".repeat(500);
    const text = `${comments}${CJS}void run([(executor) => executor.submit((n) => n * 2, 21)]);`;
    deepStrictEqual(run("comments.cjs", text), { results: [42], hasDebugger: false, hasParser: false });
  });

  it("is the whole one where a word of the text is something else than it seems", () => {
    const text = `${ESM}
      import { Fake as Math } from "./fakes.mjs";
      const part = 2, given = (n) => n + given.more;
      given.more = 5;
      const around = (function factorial(n) { return n > 1 ? () => factorial(1) + 1 : 1; });
      const likeGlobal = (function parseInt() { return () => parseInt.length; })();
      class Shape { sides = 4; read = () => this.sides; }
      function withThis() { return () => typeof this; }
      void run(
        [(executor) => executor.submit(() => Math.max(1, 2))],
        [(executor) => executor.submit((n = part) => n)],
        [(executor) => executor.submit((n) => \`\${part}\${n}\`, 1)],
        [(executor) => executor.submit(given, 1)],
        [(executor) => executor.submit(around(2))],
        [(executor) => executor.submit(likeGlobal)],
        [(executor) => executor.submit(new Shape().read)],
        [(executor) => executor.submit(withThis.call("text"))],
        [(executor) => executor.submit(() => { const { p\\u0061rt: other = p\\u0061rt } = {}; return other; })],
      );`;
    deepStrictEqual(run("words.mjs", text), {
      results: ["fake", 2, "21", 6, 2, 0, 4, "string", 2],
      hasDebugger: true,
      hasParser: true,
    });
  });

  it("is repeated once a global is made that the text names", () => {
    const text = `${ESM}
      const uses = () => later.name;
      void run(
        [(executor) => executor.submit(uses)],
        [(executor) => executor.submit(uses), () => { globalThis.later = { name: "made" }; }],
      );`;
    const { results } = run("later.mjs", text) as { results: readonly unknown[] };
    deepStrictEqual(results, [["ReferenceError", "later is not defined", "later.mjs:3:32"], "made"]);
  });

  it("sees what the module imports for its effects, and that a function is an export", () => {
    const text = `${ESM}import "patch";
      import { submitLoaded, submitOwn } from "./exports.mjs";
      void run([(executor) => executor.submit(() => [1, 2].sum())], [submitLoaded], [submitOwn]);`;
    folder.write({
      "exports.mjs": `
        globalThis.isLoaded = true;
        export const isLoaded = () => globalThis.isLoaded === true;
        export const submitLoaded = (executor) => executor.submit(isLoaded);
        export const submitOwn = (executor) => executor.submit(() => typeof globalThis.never);`,
    });
    const { results } = run("effects.mjs", text) as { results: readonly unknown[] };
    deepStrictEqual(results, [3, true, "undefined"]);
  });

  it("knows what is strict in a CommonJS file", () => {
    const body = (name: string): string => `{ try { ${name} = 1; return "sloppy"; } catch { return "strict"; } }`;
    const text = `${CJS}
      const makeStrict = () => { "use strict"; return () => ${body("one")}; };
      void run([(executor) => executor.submit(() => ${body("two")})], [(executor) => executor.submit(makeStrict())]);`;
    const { results } = run("strict.cjs", text) as { results: readonly unknown[] };
    deepStrictEqual(results, ["sloppy", "strict"]);
  });

  it("does not trust a file that is not what V8 runs", () => {
    folder.write({
      "preload.cjs": `
        const Module = require("node:module");
        const { _compile } = Module.prototype;
        Module.prototype._compile = function (text, file) {
          return _compile.call(this, file.endsWith("loaded.cjs") ? "\\n" + text.replace(/disk/g, "memory") : text, file);
        };`,
    });
    const loaded = `${CJS}const from = "disk";
      void run([(executor) => executor.submit((n) => from + n, 1)], [(executor) => executor.submit(() => { throw Error("disk"); })]);`;
    deepStrictEqual(run("loaded.cjs", loaded, "--require", "./preload.cjs"), {
      results: ["memory1", ["Error", "memory", "loaded.cjs:4:114"]],
      hasDebugger: true,
      hasParser: true,
    });
    const changed = `${ESM}import { writeFileSync } from "node:fs";
      const base = 40;
      writeFileSync(new URL(import.meta.url), "const base = 1; // " + "changed ".repeat(100));
      void run([(executor) => executor.submit((n) => n + base, 2)]);`;
    deepStrictEqual(run("changed.mjs", changed), { results: [42], hasDebugger: true, hasParser: true });
  });

  it("leaves what a program has made of Error as it was", () => {
    const text = `${ESM}
      const prepare = (error, sites) => [String(error), ...sites.map(() => "  at mine")].join("\\n");
      Error.prepareStackTrace = prepare;
      Error.stackTraceLimit = 3;
      await run([(executor) => executor.submit((n) => n * 2, 21)]);
      if (Error.prepareStackTrace !== prepare || Error.stackTraceLimit !== 3) throw new Error("changed");
      delete Error.prepareStackTrace;
      Object.freeze(Error);`;
    deepStrictEqual(run("error.mjs", text), { results: [42], hasDebugger: false, hasParser: false });
    const frozen = `${ESM}Object.freeze(Error);
      void run([(executor) => executor.submit((n) => n * 2, 21)]);`;
    deepStrictEqual(run("frozen.mjs", frozen), { results: [42], hasDebugger: true, hasParser: true });
  });
});
