/** What tasks throw, as it arrives in the process that awaits them. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { createRequire } from "node:module";
import { describe } from "node:test";
import { inspect } from "node:util";
import { pathToFileURL } from "node:url";
import { test } from "node:test";
import path from "node:path";

import { ProcessPoolExecutor } from "asynccpu";
import { registerErrorClass } from "asynccpu";
import type { ProcessFuture } from "asynccpu";

import { CHECKOUT } from "../../testlibraries/program-folder.js";
import { LibraryError } from "../../fixtures/error-classes.js";
import { PrivateError } from "../../fixtures/error-classes.js";
import { ProgramFolder } from "../../testlibraries/program-folder.js";
import { byName } from "../../fixtures/error-classes.js";
import { fail } from "../../fixtures/error-tasks.js";
import { failInDetail } from "../../fixtures/error-tasks.js";
import { failLater } from "../../fixtures/error-tasks.js";
import { failUnloaded } from "../../fixtures/error-tasks.js";
import { giveError } from "../../fixtures/error-tasks.js";
import { isHidden } from "../../fixtures/error-classes.js";
import { readMissing } from "../../fixtures/error-tasks.js";
import type { failures } from "../../fixtures/error-tasks.js";

/** The class that a task of the CommonJS module throws, and the task. */
const { CommonjsError, failInCommonjs } = createRequire(path.join(CHECKOUT, "tests/fixtures/"))(
  "./error-commonjs.cjs",
) as { CommonjsError: new () => TypeError; failInCommonjs: () => never };

const { RuntimeError } = Reflect.get(globalThis, "WebAssembly") as { RuntimeError: ErrorConstructor };

const pool = new ProcessPoolExecutor({ maxWorkers: 1 });

after(() => pool.shutdown());

/** What a future rejects with, which has to be an error. */
async function errorOf(future: ProcessFuture<unknown>): Promise<Error & Record<string, unknown>> {
  const error = await future.exception();
  assert.ok(error instanceof Error);
  return error as Error & Record<string, unknown>;
}

function failing(kind: keyof typeof failures): Promise<Error & Record<string, unknown>> {
  return errorOf(pool.submit(fail, kind));
}

class OwnError extends Error {
  readonly code = "E_OWN";

  describe(): string {
    return `${this.code}: ${this.message}`;
  }
}

class CrampedError extends Error {
  readonly #state = 1;

  get state(): number {
    return this.#state;
  }
}

describe("the class of what a task throws", () => {
  test("is found through the modules of the function: imported there, or made there", async () => {
    const imported = await failing("imported");
    assert.ok(imported instanceof LibraryError);
    assert.equal(Object.getPrototypeOf(imported), LibraryError.prototype);
    assert.equal(imported.status, 503);
    assert.equal(imported.isServerError, true);
    assert.ok((await errorOf(pool.submit(failLater, "imported"))) instanceof LibraryError);
    assert.ok(isHidden(await failing("hidden")), "a class that is no export");
    assert.ok((await failing("deep")) instanceof byName.DeepError, "a class in an object");
  });

  test("is found in CommonJS modules", async () => {
    const error = await errorOf(pool.submit(failInCommonjs));
    assert.ok(error instanceof CommonjsError);
    assert.ok(error instanceof TypeError);
  });

  test("is found where a function that travels by value captures it", async () => {
    const error = await errorOf(
      pool.submit(() => {
        throw new OwnError("own");
      }),
    );
    assert.ok(error instanceof OwnError);
    assert.equal(error.describe(), "E_OWN: own");
    assert.equal(Object.getPrototypeOf(error), OwnError.prototype);
  });

  test("is the nearest that is known, for a class that is made in the task", async () => {
    const error = await failing("local");
    assert.equal(Object.getPrototypeOf(error), LibraryError.prototype);
    assert.equal(error["status"], 500);
    const made = await errorOf(
      pool.submit(() => {
        throw new (class MadeError extends RangeError {})("made");
      }),
    );
    assert.equal(Object.getPrototypeOf(made), RangeError.prototype);
    assert.equal(made.name, "MadeError");
    assert.match(made.stack ?? "", /^MadeError: made\n {4}at /);
  });

  test("is not that with private fields, unless it is registered", async () => {
    const error = await failing("private");
    assert.equal(error instanceof PrivateError, false);
    assert.equal(error.name, "PrivateError");
    assert.equal(error["status"], 500);
    const throwCramped = (): never => {
      throw new CrampedError("cramped");
    };
    assert.equal((await errorOf(pool.submit(throwCramped))) instanceof CrampedError, false);
    registerErrorClass(CrampedError);
    assert.ok((await errorOf(pool.submit(throwCramped))) instanceof CrampedError);
  });

  test("is found in a minified bundle, where all stands on one line and is sent in another place", () => {
    using folder = new ProgramFolder();
    folder.linkPackage();
    const program = [
      'import{ProcessPoolExecutor as P}from"asynccpu"',
      'let n=0,a=class extends Error{constructor(m,o){super(m,o);n+=1}},b=class extends a{k="b"}',
      'const f=x=>{n+=x;throw new b("b",{cause:new a("a")})},p=new P({maxWorkers:1}),e=await p.submit(f,1).exception()',
      "console.log(e instanceof b,e.k,e.cause instanceof a,e.cause instanceof b);await p.shutdown()",
    ].join(";");
    folder.write({ "main.mjs": program });
    const { status, stdout, stderr } = folder.run(["main.mjs"]);
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "true b true false\n", stderr: "" });
  });

  test("never makes this process load a module", async () => {
    const error = await errorOf(pool.submit(failUnloaded));
    assert.equal(Object.getPrototypeOf(error), TypeError.prototype);
    assert.equal(error.name, "UnloadedError");
    assert.equal(Reflect.get(globalThis, "asynccpu.tests.error-unloaded"), undefined);
  });

  test("is kept in causes, in lists of errors, in results and through map", async () => {
    const chain = await failing("chain");
    assert.ok(chain.cause instanceof LibraryError);
    assert.ok(chain.cause.cause instanceof RangeError);
    const several = await failing("aggregate");
    assert.ok(several instanceof AggregateError);
    assert.deepEqual(
      several.errors.map((each: unknown) => (each instanceof Error ? each.constructor : each)),
      [LibraryError, "two", TypeError],
    );
    assert.ok((await pool.submit(giveError)).reason instanceof LibraryError);
    const inside = (await pool.submit(fail, "inside").exception()) as { failed: unknown[] };
    assert.ok(inside.failed[0] instanceof LibraryError);
    const results = pool.map(fail, ["imported"]);
    await assert.rejects(results.next(), LibraryError);
  });

  test("is that of Node and of the DOM", async () => {
    const missing = await errorOf(pool.submit(readMissing));
    const { code, errno, syscall } = missing;
    assert.deepEqual(
      { code, errno, syscall, path: missing["path"] },
      {
        code: "ENOENT",
        errno: -2,
        syscall: "open",
        path: "/does/not/exist",
      },
    );
    const aborted = await failing("aborted");
    assert.ok(aborted instanceof DOMException);
    assert.equal(aborted.name, "AbortError");
    assert.ok((await failing("wasm")) instanceof RuntimeError);
  });
});

test("a message of megabytes arrives whole", async () => {
  const error = await failing("huge");
  assert.ok(error instanceof RangeError);
  assert.equal(error.message.length, 4 * 2 ** 20);
});

test("what is no error arrives as it was", async () => {
  for (const [kind, expected] of [
    ["zero", 0],
    ["nothing", undefined],
    ["empty", null],
    ["text", "text"],
    ["plain", { plain: [1, new Date(0)] }],
  ] as const) {
    const outcome: unknown = await pool.submit(fail, kind).then(
      () => assert.fail("it resolved"),
      (thrown: unknown) => ({ thrown }),
    );
    assert.deepEqual(outcome, { thrown: expected });
  }
});

/** Without the path of the checkout, numbers of lines and columns, and what Node's test runner adds. */
function normalise(text: string): string {
  return text
    .replaceAll(/\n +at [^\n]*(?:node:|<anonymous>\)|Promise\.all)[^\n]*?( \{)?(?=\n|$)/g, "$1")
    .replaceAll(pathToFileURL(CHECKOUT).href, "/")
    .replaceAll(CHECKOUT, "/")
    .replaceAll(path.sep, "/")
    .replaceAll(/:\d+:\d+/g, ":L:C");
}

function bill(): ProcessFuture<never> {
  return pool.submit(failInDetail, 42);
}

function billLater(): ProcessFuture<never> {
  return pool.submit(failLater, "imported");
}

function billMany(): Promise<unknown> {
  return pool.map(fail, ["chain"]).next();
}

test("inspect shows where a task failed, in its source, and where it was submitted", async () => {
  const error: unknown = await bill().exception();
  assert.equal(
    normalise(inspect(error)),
    `LibraryError: Order 42 could not be billed.
    at failInDetail (/tests/fixtures/error-tasks.ts:L:C)
    — submitted from —
    at bill (/tests/fast/executor/errors.test.ts:L:C)
    at TestContext.<anonymous> (/tests/fast/executor/errors.test.ts:L:C) {
  status: 503,
  code: 'E_BILLING',
  [cause]: RangeError: Page 7 is out of range.
      at failInDetail (/tests/fixtures/error-tasks.ts:L:C)
}`,
  );
});

test("inspect shows the same after a turn of the task's event loop", async () => {
  assert.equal(
    normalise(inspect(await billLater().exception())),
    `LibraryError: imported
    at Object.imported (/tests/fixtures/error-tasks.ts:L:C)
    at fail (/tests/fixtures/error-tasks.ts:L:C)
    at failLater (/tests/fixtures/error-tasks.ts:L:C)
    — submitted from —
    at billLater (/tests/fast/executor/errors.test.ts:L:C)
    at TestContext.<anonymous> (/tests/fast/executor/errors.test.ts:L:C) {
  status: 503
}`,
  );
});

test("inspect shows where map was called", async () => {
  const error: unknown = await billMany().catch((thrown: unknown) => thrown);
  assert.equal(
    normalise(inspect(error)),
    `Error: outer
    at Object.chain (/tests/fixtures/error-tasks.ts:L:C)
    at fail (/tests/fixtures/error-tasks.ts:L:C)
    — submitted from —
    at billMany (/tests/fast/executor/errors.test.ts:L:C)
    at TestContext.<anonymous> (/tests/fast/executor/errors.test.ts:L:C) {
  [cause]: LibraryError: middle
      at Object.chain (/tests/fixtures/error-tasks.ts:L:C)
      at fail (/tests/fixtures/error-tasks.ts:L:C) {
    status: 1,
    [cause]: RangeError: inner
        at Object.chain (/tests/fixtures/error-tasks.ts:L:C)
        at fail (/tests/fixtures/error-tasks.ts:L:C)
  }
}`,
  );
});
