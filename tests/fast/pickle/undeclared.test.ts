/** Names that nothing declares: they are undeclared in the worker as well. */

import { deepStrictEqual } from "node:assert/strict";
import { ok } from "node:assert/strict";
import { rejects } from "node:assert/strict";
import { strictEqual } from "node:assert/strict";
import { match } from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { it } from "node:test";
import { runInThisContext } from "node:vm";

import { ProcessPoolExecutor } from "asynccpu";

import { isUnchanged } from "../../testlibraries/is-unchanged.js";
import { pickleFunction } from "../../../src/pickle/pickle-function.js";
import { PickleChild } from "../../fixtures/pickle-child/pickle-child.js";

// Nobody defines these here.
declare const window: { readonly document: string };
declare const Bun: { readonly version: string };
declare const __DEV__: boolean;
declare const misspelt: unknown;
declare const openedDatabase: { readonly name: string };
declare const laterGlobal: string;

const isBrowser = typeof window !== "undefined";

let turns = 0;

function usesNothing(): unknown {
  turns += 1;
  return misspelt;
}

/** A local variable that both functions share, named like what `usesNothing` lacks. */
function makeSharing(): () => unknown {
  let misspelt = 1;
  const raise = (): void => {
    misspelt += 1;
    turns += 1;
  };
  return () => {
    raise();
    let message = "";
    try {
      usesNothing();
    } catch (error) {
      message = String(error);
    }
    return [turns, message];
  };
}

/** Sloppy code, and code of compilers, which no module of this project can hold. */
function script(code: string): (...args: unknown[]) => unknown {
  return runInThisContext(`(${code})`) as (...args: unknown[]) => unknown;
}

describe("a name that nothing declares", () => {
  const child = new PickleChild();
  after(() => child.end());

  it("may be asked for, and used where it exists", async () => {
    const fn = (): unknown => [
      typeof window !== "undefined" && window.document,
      typeof Bun === "undefined" ? "node" : Bun.version,
      typeof __DEV__ !== "undefined" && __DEV__,
      isBrowser ? window.document : "no browser",
    ];
    deepStrictEqual(await child.call(fn), [false, "node", false, "no browser"]);
    strictEqual(isUnchanged(pickleFunction(fn)), true);
  });

  it("may be tried", async () => {
    const fn = script("function isDeno() { try { return Deno.version !== undefined; } catch { return false; } }");
    strictEqual(await child.call(fn), false);
  });

  it("throws in the worker what it throws here, and the stack shows the line", async () => {
    const fn = (): unknown => misspelt;
    let here: unknown;
    try {
      fn();
    } catch (error) {
      here = error;
    }
    await using executor = new ProcessPoolExecutor({ maxWorkers: 1 });
    await rejects(executor.submit(fn), (there: unknown) => {
      ok(there instanceof ReferenceError && here instanceof ReferenceError);
      strictEqual(there.message, here.message);
      const [line] = /pickle.undeclared\.test\.(?:js|ts):\d+:\d+/.exec(here.stack ?? "") ?? ["none"];
      match(there.stack ?? "", new RegExp(line.replaceAll(".", "\\.")));
      return true;
    });
  });

  it("is a global once sloppy code has assigned to it", async () => {
    const fn = script(`function () { asynccpuMade = 5; return [asynccpuMade, globalThis.asynccpuMade]; }`);
    deepStrictEqual(await child.call(fn), [5, 5]);
    const strict = script(`function () { "use strict"; try { asynccpuStrict = 5; } catch (e) { return String(e); } }`);
    strictEqual(await child.call(strict), "ReferenceError: asynccpuStrict is not defined");
  });

  it("may be a property, inside with", async () => {
    const template = script(`function (locals) {
      with (locals || {}) { return "Hello " + user.name + (typeof extra === "undefined" ? "" : extra); }
    }`);
    strictEqual(await child.call(template, { user: { name: "Ann" } }), "Hello Ann");
    strictEqual(await child.call(template, { user: { name: "Ann" }, extra: "!" }), "Hello Ann!");
  });

  it("may be in the helpers of compilers", async () => {
    const fn = script(`(() => {
      var __asyncValues = (this && this.__asyncValues) || function (o) {
        var m = o[Symbol.asyncIterator];
        return m ? m.call(o) : (o = typeof __values === "function" ? __values(o) : o[Symbol.iterator](), o);
      };
      return function (items) { return [...{ [Symbol.iterator]: () => __asyncValues(items) }]; };
    })()`);
    deepStrictEqual(await child.call(fn, [1, 2]), [1, 2]);
    const root = script(`function () {
      var g = typeof globalThis !== "undefined" ? globalThis : typeof self !== "undefined" ? self : window;
      return typeof define === "function" && define.amd ? "amd" : typeof g;
    }`);
    strictEqual(await child.call(root), "object");
  });

  it("is what `initializer` puts on globalThis", async () => {
    await using executor = new ProcessPoolExecutor({
      maxWorkers: 1,
      initializer: () => {
        Object.assign(globalThis, { openedDatabase: { name: "db" } });
      },
    });
    strictEqual(await executor.submit(() => openedDatabase.name), "db");
  });

  it("is sent once the program has made it", async () => {
    await using executor = new ProcessPoolExecutor({ maxWorkers: 1 });
    const fn = (): string => (typeof laterGlobal === "undefined" ? "none" : laterGlobal);
    strictEqual(await executor.submit(fn), "none");
    const global = globalThis as { laterGlobal?: string };
    global.laterGlobal = "made";
    try {
      strictEqual(await executor.submit(fn), "made");
    } finally {
      delete global.laterGlobal;
    }
    strictEqual(await executor.submit(fn), "none");
  });

  it("is not a variable of the same name that other functions share", async () => {
    deepStrictEqual(await child.call(makeSharing()), [2, "ReferenceError: misspelt is not defined"]);
  });
});
