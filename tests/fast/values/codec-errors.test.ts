import assert from "node:assert/strict";
import fs from "node:fs";
import net from "node:net";
import vm from "node:vm";
import { describe } from "node:test";
import { inspect } from "node:util";
import { it } from "node:test";
import { types } from "node:util";

import { CancelledError } from "../../../src/errors.js";
import { TaskTimeoutError } from "../../../src/errors.js";
import { WorkerCrashedError } from "../../../src/errors.js";
import { decodeThrown } from "../../../src/values/thrown.js";
import { decodeValue } from "../../../src/values/codec.js";
import { encodeThrown } from "../../../src/values/thrown.js";
import { encodeValue } from "../../../src/values/codec.js";
import { registerErrorClass } from "../../../src/values/thrown.js";

function send(thrown: unknown): unknown {
  return decodeThrown(encodeThrown(thrown));
}

function sendError<T extends Error>(error: T): T {
  const arrived = send(error);
  assert.ok(arrived instanceof Error);
  return arrived as T;
}

function caught(act: () => unknown): Error & Record<string, unknown> {
  try {
    act();
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error("nothing was thrown");
}

describe("thrown errors", () => {
  const constructors = [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError];
  for (const constructor of constructors) {
    it(`arrive as what they were: ${constructor.name}`, () => {
      const error = new constructor("the message");
      const arrived = sendError(error);
      assert.equal(Object.getPrototypeOf(arrived), constructor.prototype);
      assert.equal(arrived.message, "the message");
      assert.equal(arrived.stack, error.stack);
      assert.ok(types.isNativeError(arrived));
      assert.deepStrictEqual(Object.keys(arrived), []);
      assert.equal(inspect(arrived), inspect(error));
    });
  }

  it("arrive with their cause, and without one where there was none", () => {
    const arrived = sendError(new Error("outer", { cause: new TypeError("inner", { cause: "text" }) }));
    assert.ok(arrived.cause instanceof TypeError);
    assert.equal(arrived.cause.cause, "text");
    assert.equal(Object.propertyIsEnumerable.call(arrived, "cause"), false);
    assert.equal(Object.hasOwn(sendError(new Error("x")), "cause"), false);
    assert.ok(Object.hasOwn(sendError(new Error("x", { cause: undefined })), "cause"));
  });

  it("arrive with the errors of an AggregateError", () => {
    const arrived = sendError(
      new AggregateError([new RangeError("one"), 2, new AggregateError([], "three")], "several"),
    );
    assert.ok(arrived instanceof AggregateError);
    assert.ok(arrived.errors[0] instanceof RangeError);
    assert.equal(arrived.errors[1], 2);
    assert.ok(arrived.errors[2] instanceof AggregateError);
    assert.equal(Object.propertyIsEnumerable.call(arrived, "errors"), false);
  });

  it("keep cycles through cause and properties", () => {
    const first = Object.assign(new Error("first"), { seen: [] as unknown[] });
    const second = new Error("second", { cause: first });
    first.cause = second;
    first.seen.push(first, second);
    const arrived = sendError(first);
    assert.equal((arrived.cause as Error).cause, arrived);
    assert.equal(arrived.seen[0], arrived);
    assert.equal(arrived.seen[1], arrived.cause);
  });

  it("arrive with own properties, enumerable as they were", () => {
    const error = Object.assign(new Error("x"), {
      code: "E_OWN",
      details: { list: [1, new Date(0)] },
      name: "Custom",
    });
    Object.defineProperty(error, "code", { enumerable: false });
    const arrived = sendError(error);
    assert.equal(arrived.code, "E_OWN");
    assert.equal(arrived.name, "Custom");
    assert.deepStrictEqual(arrived.details, { list: [1, new Date(0)] });
    assert.deepStrictEqual(Object.keys(arrived).toSorted(), ["details", "name"]);
  });

  it("of an unknown class arrive as the nearest known one, with their name", () => {
    class HttpError extends TypeError {
      override name = "HttpError";
      status = 404;
      get [Symbol.toStringTag](): string {
        return "x";
      }
    }
    const arrived = sendError(new HttpError("not found"));
    assert.equal(Object.getPrototypeOf(arrived), TypeError.prototype);
    assert.equal(arrived.name, "HttpError");
    assert.equal(arrived.status, 404);
    class Inherited extends RangeError {}
    Object.defineProperty(Inherited.prototype, "name", { value: "InheritedName" });
    const inherited = sendError(new Inherited("x"));
    assert.ok(inherited instanceof RangeError);
    assert.equal(inherited.name, "InheritedName");
    assert.deepStrictEqual(Object.keys(inherited), []);
  });

  it("of a registered class arrive as instances, without a call of the constructor", () => {
    let calls = 0;
    class RateLimitError extends Error {
      readonly retryMs: number;
      constructor(retryMs: number) {
        super(`wait ${retryMs} ms`);
        this.retryMs = retryMs;
        calls++;
      }
      get retrySeconds(): number {
        return this.retryMs / 1000;
      }
    }
    registerErrorClass(RateLimitError);
    const arrived = sendError(new RateLimitError(1500));
    assert.ok(arrived instanceof RateLimitError);
    assert.ok(types.isNativeError(arrived));
    assert.equal(arrived.retrySeconds, 1.5);
    assert.equal(arrived.message, "wait 1500 ms");
    assert.equal(calls, 1);
  });

  it("of a class registered under a built-in name do not displace the built-in one", () => {
    const evil = class TypeError extends Error {};
    registerErrorClass(evil);
    assert.equal(Object.getPrototypeOf(sendError(new TypeError("x"))), TypeError.prototype);
    assert.ok(sendError(new evil("x")) instanceof evil);
  });

  it("of a class below a registered one arrive as instances of that", () => {
    class QuotaError extends RangeError {
      static {
        this.prototype.name = "QuotaError";
      }
    }
    registerErrorClass(QuotaError);
    class DiskQuotaError extends QuotaError {}
    const arrived = sendError(new DiskQuotaError("full"));
    assert.equal(Object.getPrototypeOf(arrived), QuotaError.prototype);
    assert.equal(arrived.name, "QuotaError");
    const sameName = class QuotaError extends Error {};
    assert.equal(Object.getPrototypeOf(sendError(new sameName("not of the same kind"))), Error.prototype);
  });

  it("of an unknown class without a name for its instances arrive with the name of the class", () => {
    class NamelessError extends TypeError {}
    const arrived = sendError(new NamelessError("x"));
    assert.equal(Object.getPrototypeOf(arrived), TypeError.prototype);
    assert.equal(arrived.name, "NamelessError");
    assert.match(arrived.stack ?? "", /^NamelessError: x\n/);
    assert.equal(String(arrived), "NamelessError: x");
    assert.deepStrictEqual(Object.keys(arrived), []);
  });

  it("of classes that not every Node has arrive as themselves where it has them", () => {
    const global = globalThis as unknown as Record<string, Record<string, new (message: string) => Error>>;
    for (const name of ["CompileError", "LinkError", "RuntimeError"]) {
      const errorClass = global["WebAssembly"]?.[name];
      assert.ok(errorClass !== undefined);
      assert.ok(sendError(new errorClass("x")) instanceof errorClass);
    }
    type Suppressed = new (error: unknown, suppressed: unknown, message: string) => Error & Record<string, unknown>;
    const suppressedClass = Reflect.get(globalThis, "SuppressedError") as unknown as Suppressed | undefined;
    if (suppressedClass === undefined) return;
    const arrived = sendError(new suppressedClass(new RangeError("new"), new TypeError("old"), "both"));
    assert.ok(arrived instanceof suppressedClass);
    assert.ok(arrived["error"] instanceof RangeError);
    assert.ok(arrived["suppressed"] instanceof TypeError);
    assert.deepStrictEqual(Object.keys(arrived), []);
  });

  it("of asynccpu arrive as themselves", () => {
    const crash = { pid: 7, exitCode: null, signal: "SIGKILL", stderr: "out", taskName: "t" } as const;
    const crashed = sendError(new WorkerCrashedError(crash));
    assert.ok(crashed instanceof WorkerCrashedError);
    assert.equal(crashed.pid, 7);
    assert.equal(crashed.signal, "SIGKILL");
    assert.equal(crashed.code, "ASYNCCPU_WORKER_CRASHED");
    assert.equal(crashed.name, "WorkerCrashedError");
    assert.equal(Object.keys(crashed).includes("name"), false);
    assert.ok(sendError(new TaskTimeoutError("t", 5)) instanceof TaskTimeoutError);
    const cancelled = sendError(new CancelledError(undefined, { cause: { why: "user" } }));
    assert.ok(cancelled instanceof CancelledError);
    assert.deepStrictEqual(cancelled.cause, { why: "user" });
  });

  it("of Node arrive with their details", async () => {
    const missing = sendError(caught(() => fs.readFileSync("/does/not/exist")));
    assert.equal(missing["code"], "ENOENT");
    assert.equal(missing["syscall"], "open");
    assert.equal(missing["path"], "/does/not/exist");
    assert.equal(typeof missing["errno"], "number");
    const invalid = sendError(caught(() => Buffer.alloc("x" as never)));
    assert.ok(invalid instanceof TypeError);
    assert.equal(invalid["code"], "ERR_INVALID_ARG_TYPE");
    assert.equal(invalid.name, "TypeError");
    assert.ok(sendError(caught(() => JSON.parse("{"))) instanceof SyntaxError);
  });

  it("of node:assert arrive with actual and expected", () => {
    const error = caught(() => assert.deepStrictEqual({ a: 1 }, { a: 2 }));
    const arrived = sendError(error);
    assert.ok(arrived instanceof assert.AssertionError);
    assert.equal(arrived.code, "ERR_ASSERTION");
    assert.deepStrictEqual(arrived.actual, { a: 1 });
    assert.deepStrictEqual(arrived.expected, { a: 2 });
    assert.equal(arrived.operator, "deepStrictEqual");
    assert.equal(arrived.generatedMessage, true);
    assert.equal(arrived.message, error.message);
  });

  it("of the DOM arrive with name and code", () => {
    const arrived = sendError(AbortSignal.abort().reason as DOMException);
    assert.ok(arrived instanceof DOMException);
    assert.equal(arrived.name, "AbortError");
    assert.equal(arrived.code, 20);
    assert.equal(arrived.message, "This operation was aborted");
    const withCause = new DOMException("m", { name: "DataCloneError", cause: new Error("c") } as never);
    assert.equal(sendError(withCause).name, "DataCloneError");
  });

  it("of another realm arrive as those of this one", () => {
    const arrived = send(vm.runInNewContext("Object.assign(new RangeError('far'), { list: [1] })"));
    assert.ok(arrived instanceof RangeError);
    assert.equal(arrived.message, "far");
  });

  it("without a constructor or a stack arrive", () => {
    const bare = Object.create(Error.prototype, { message: { value: "bare" } }) as Error;
    const arrived = sendError(bare);
    assert.equal(arrived.message, "bare");
    assert.equal(arrived.stack, undefined);
  });

  it("arrive without what can't be sent, which is described", () => {
    const socket = new net.Socket();
    const error = Object.assign(new Error("x"), {
      request: { url: "/a", socket, retry: () => 1 },
      when: new Date(0),
      promise: Promise.resolve(),
      symbol: Symbol("s"),
      actual: new WeakRef({}),
    });
    const arrived = sendError(error) as unknown as Record<string, unknown>;
    assert.deepStrictEqual(arrived["when"], new Date(0));
    const request = arrived["request"] as Record<string, string>;
    assert.equal(request["url"], "/a");
    assert.match(String(request["socket"]), /^\[not sent: it is a stream or socket/);
    assert.match(String(request["retry"]), /^\[not sent: it is a function\]$/);
    assert.match(String(arrived["promise"]), /not sent/);
    assert.match(String(arrived["symbol"]), /not sent/);
    assert.match(String(arrived["actual"]), /not sent/);
  });

  it("arrive although their properties throw when read", () => {
    const error = new Error("kept");
    for (const key of ["stack", "name", "code", "cause", "extra"]) {
      Object.defineProperty(error, key, { enumerable: true, get: () => assert.fail(key) });
    }
    const arrived = sendError(error);
    assert.equal(arrived.message, "kept");
    assert.match(String(Reflect.get(arrived, "extra")), /reading it threw/);
  });

  it("arrive although a chain of causes, or what they hold, is very long or deep", () => {
    let chain = new Error("0");
    for (let index = 1; index < 20_000; index++) chain = new Error(String(index), { cause: chain });
    const arrived = sendError(chain);
    assert.equal(arrived.message, "19999");
    assert.ok((arrived.cause as Error).cause instanceof Error);
    let deep: object = {};
    for (let index = 0; index < 20_000; index++) deep = { deep };
    assert.equal(sendError(Object.assign(new Error("deep"), { deep })).message, "deep");
    const wide = Object.assign(new Error("wide"), { list: Array.from({ length: 30_000 }, () => ({})) });
    assert.equal(sendError(wide).message, "wide");
  });

  it("inside values arrive as in a throw", () => {
    const error = Object.assign(new TypeError("x"), { code: "E" });
    const results = [{ status: "rejected", reason: error }, new Map([["e", error]]), new Set([error])] as const;
    const [first, map, set] = decodeValue(encodeValue(results, "result")) as typeof results;
    assert.ok(first.reason instanceof TypeError);
    assert.equal(first.reason.code, "E");
    assert.equal(map.get("e"), first.reason);
    assert.ok(set.has(first.reason));
  });
});
