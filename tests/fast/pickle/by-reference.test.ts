import { deepStrictEqual } from "node:assert/strict";
import { strictEqual } from "node:assert/strict";
import { ok } from "node:assert/strict";
import { rejects } from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { it } from "node:test";
import { deserialize } from "node:v8";
import { serialize } from "node:v8";

import { isUnchanged } from "../../testlibraries/is-unchanged.js";
import { pickleFunction } from "../../../src/pickle/pickle-function.js";
import * as changing from "../../fixtures/pickle-modules/changing.js";
import { fast } from "../../fixtures/pickle-modules/changing.js";
import Circle from "../../fixtures/pickle-modules/default-class.js";
import half from "../../fixtures/pickle-modules/default-constant.js";
import Secret from "../../fixtures/pickle-modules/default-with-symbol.js";
import { api } from "../../fixtures/pickle-modules/exports.js";
import { arrow } from "../../fixtures/pickle-modules/exports.js";
import anonymousDefault from "../../fixtures/pickle-modules/exports.js";
import { getHidden } from "../../fixtures/pickle-modules/exports.js";
import { renamed } from "../../fixtures/pickle-modules/exports.js";
import { Tool } from "../../fixtures/pickle-modules/exports.js";
import { where } from "../../fixtures/pickle-modules/exports.js";
import { ChildFailure } from "../../fixtures/pickle-child/pickle-child.js";
import { PickleChild } from "../../fixtures/pickle-child/pickle-child.js";

interface Graph {
  readonly nodes: readonly { readonly kind: string; readonly path?: readonly string[] }[];
}

function kindsOf(fn: unknown): string[] {
  return (deserialize(pickleFunction(fn).payload) as Graph).nodes.map(({ kind }) => kind);
}

export function exportedByMain(x: number): number {
  return x + 100;
}

describe("a function that a module exports", () => {
  const child = new PickleChild();
  after(() => child.end());

  const cases: readonly [name: string, fn: (x: number) => unknown, expected: unknown][] = [
    ["under another name", renamed, 8],
    ["as a constant", arrow, 14],
    ["as an anonymous default", anonymousDefault, 6],
    ["as a default that no function of the module uses", half, 3.5],
    ["as a property of an exported object", api.triple, 21],
    ["as a static method of an exported class", Tool.quadruple, 28],
  ];
  for (const [name, fn, expected] of cases) {
    it(`travels as a reference: ${name}`, async () => {
      ok(kindsOf(fn).every((kind) => kind === "import"));
      strictEqual(isUnchanged(pickleFunction(fn)), true);
      strictEqual(await child.call(fn, 7), expected);
    });
  }

  it("is the class of an instance that travels", () => {
    const circle = new Circle();
    deepStrictEqual(kindsOf(() => circle).toSorted(), ["function", "import", "object", "prototypeOf"]);
  });

  it("travels by value when it brings the key of its instances along", async () => {
    const secret = new Secret(4);
    strictEqual(await child.call(() => secret.tell()), 4);
  });

  it("runs in the other process", async () => {
    ok((await child.call(where)) !== where());
  });

  it("travels by value when the module is the main one, which no worker may import", async () => {
    ok(kindsOf(exportedByMain).every((kind) => kind === "function"));
    strictEqual(await child.call(exportedByMain, 1), 101);
  });

  it("travels by value when a worker may have another one there", async () => {
    strictEqual(await child.call(changing.current), "fast");
    changing.change();
    const { late = fast } = changing;
    const functions = [changing.current, changing.config.strategy, late, changing.Shape.prototype.area];
    const results = await Promise.all(functions.map((fn) => child.call(fn)));
    deepStrictEqual(results, ["slow", "slow", "late", "patched"]);
    // One that nothing changes goes by its name all the same.
    ok(kindsOf(fast).every((kind) => kind === "import"));
  });

  it("travels by value when no export names it", async () => {
    ok(kindsOf(getHidden()).includes("function"));
    strictEqual(await child.call(getHidden(), 3), 15);
  });

  it("is a global or an export of a builtin module", async () => {
    strictEqual(await child.call(Math.max, 3, 9, 4), 9);
    strictEqual(await child.call(Buffer.byteLength, "abc"), 3);
  });

  it("is no built-in because the program has hung it on a built-in object", async () => {
    const own = { double: (x: number): number => 2 * x, last: (): number => 3, table: (): string => "mine" };
    const { table } = console;
    Object.assign(Math, { double: own.double });
    // Reason: programs do so.
    // oxlint-disable-next-line no-extend-native
    Object.defineProperty(Array.prototype, "lastOfTest", { value: own.last, configurable: true });
    console.table = own.table;
    try {
      strictEqual(await child.call(own.double, 4), 8);
      strictEqual(await child.call(own.last), 3);
      strictEqual(await child.call(own.table), "mine");
    } finally {
      console.table = table;
      Reflect.deleteProperty(Array.prototype, "lastOfTest");
      Reflect.deleteProperty(Math, "double");
    }
  });

  it("is a global that Node makes on demand, whenever that was", async () => {
    pickleFunction(() => 1);
    const { AbortSignal: signals, Headers: headers, crypto: own } = globalThis;
    const use = (): unknown => [new headers({ a: "b" }).get("a"), signals.abort().aborted, typeof own.randomUUID()];
    deepStrictEqual(await child.call(use), ["b", true, "string"]);
  });

  it("keeps the name of the function", () => {
    strictEqual(pickleFunction(where).name, "where");
    strictEqual(pickleFunction(() => 1).name, "anonymous");
  });
});

describe("a reference that leads nowhere", () => {
  const child = new PickleChild();
  after(() => child.end());
  const url = new URL("../../fixtures/pickle-modules/exports.js", import.meta.url).href;

  async function callReference(specifier: string, path: readonly string[]): Promise<unknown> {
    const node = { kind: "import", specifier, referrer: import.meta.url, path };
    return child.callPayload(serialize({ root: [0], nodes: [node], modules: [], units: [], frames: [] }), [[]]);
  }

  function isNotFound(text: RegExp): (error: unknown) => boolean {
    return (error) =>
      error instanceof ChildFailure &&
      error.failure.name === "ModuleNotFoundError" &&
      error.failure.code === "ASYNCCPU_MODULE_NOT_FOUND" &&
      text.test(error.failure.message);
  }

  it("is refused for a module that does not exist", async () => {
    await rejects(callReference("./no-such-module.js", ["x"]), isNotFound(/no-such-module\.js.*can't be found/));
    await rejects(callReference("no-such-package", ["x"]), isNotFound(/no-such-package/));
  });

  it("is refused for an export that does not exist, prototypes left out", async () => {
    await rejects(callReference(url, ["missing"]), isNotFound(/no export "missing"/));
    await rejects(callReference(url, ["api", "toString"]), isNotFound(/no export "api.toString"/));
  });

  it("is refused for an export that is not a function", async () => {
    await rejects(callReference(url, ["notAFunction"]), isNotFound(/not a function/));
  });
});
