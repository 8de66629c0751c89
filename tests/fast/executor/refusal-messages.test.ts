/**
 * What refusals tell: the user's line, and the path to what can't be sent; and what is refused for being a promise or
 * a Proxy.
 */

import assert from "node:assert/strict";
import { Socket } from "node:net";
import { after } from "node:test";
import { test } from "node:test";

import { FunctionNotPicklableError } from "asynccpu";
import { NotAFunctionError } from "asynccpu";
import { NotSerializableError } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { registerClass } from "asynccpu";

import { echo } from "../../fixtures/tasks.js";

const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });

after(() => executor.shutdown());

const socket = new Socket();

function usesSocket(): unknown {
  return socket.readyState;
}

type Fn = (...args: unknown[]) => unknown;

async function refusalOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  return assert.fail("it was not refused");
}

/** The first frame of an error's stack. */
function firstFrame(error: unknown): string {
  assert.ok(error instanceof Error);
  return error.stack?.split("\n").find((line) => /^\s+at /.test(line)) ?? "";
}

test("the stack of a refusal begins with the line of the call", async () => {
  const calls = {
    createProcessTask: () => executor.createProcessTask(() => usesSocket()),
    submit: () => executor.submit(() => usesSocket()),
    with: () => executor.with({ timeoutMs: 1000 }).createProcessTask(() => usesSocket()),
    map: () => executor.map((each: number) => [each, usesSocket()], [1]).next(),
    argument: () => executor.submit(echo, { socket }),
    function: () => executor.submit(echo, [() => usesSocket()]),
    "no function": () => executor.submit(5 as unknown as Fn),
    promise: () => executor.submit(Promise.resolve(1) as unknown as Fn),
    initializer: () => new ProcessTaskPoolExecutor({ initializer: () => usesSocket() }),
  };
  for (const [way, call] of Object.entries(calls)) {
    const error = await refusalOf(call);
    assert.match(firstFrame(error), /executor.refusal-messages\.test\.(?:js|ts):/, way);
    if (error instanceof NotSerializableError && error.cause !== undefined) {
      assert.match(firstFrame(error.cause), /executor.refusal-messages\.test\.(?:js|ts):/, way);
    }
  }
});

test("a refused function in an argument tells its own variable, and the one that can't be sent", async () => {
  const error = await refusalOf(() => executor.submit(echo, () => usesSocket()));
  assert.ok(error instanceof NotSerializableError);
  assert.match(error.message, /: usesSocket, through socket \(\S+\): an instance of Socket/);
});

/** As libraries have them; `settled` is what such a promise looks like from outside. */
class LibraryPromise {
  readonly settled = true;

  then(resolve: (value: number) => void): void {
    resolve(1);
  }
}

class LowerPromise extends LibraryPromise {}

test("a promise of a library is refused like one of JavaScript, wherever it stands", async () => {
  for (const made of [Promise.resolve(1), new LibraryPromise(), new LowerPromise()]) {
    for (const [argument, path] of [
      [made, "args[0]"],
      [[{ made }], "args[0][0].made"],
      [new Map([["key", made]]), 'args[0].get("key")'],
      [new Set([[made]]), "args[0].values()[0][0]"],
    ] as const) {
      const error = await refusalOf(() => executor.submit(echo, argument));
      assert.ok(error instanceof NotSerializableError);
      assert.match(error.message, /it is a promise.*: await it first/);
      if (!(argument instanceof Set)) assert.equal(error.path, path);
    }
  }
  const inResult = await executor.submit(() => [new LibraryPromise()]).exception();
  assert.ok(inResult instanceof NotSerializableError);
  assert.equal(inResult.path, "result[0]");
});

test("data with a property then is no promise, nor is an instance of a registered class", async () => {
  for (const data of [{ then: "x" }, { then: null }, { if: 1, then: { else: 2 } }]) {
    assert.deepEqual(await executor.submit(echo, [data]), [data]);
  }
  class Steps {
    readonly list = [1];

    then(next: (value: number) => void): void {
      next(this.list.length);
    }
  }
  registerClass(Steps, { name: "executor-refusal-messages.Steps" });
  assert.deepEqual(await executor.submit(([steps]: [Steps]) => steps.list, [new Steps()]), [1]);
});

function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

test("a revoked Proxy is refused with its path: as a function, an argument, a captured variable", async () => {
  const [object, fn] = [revoked({}), revoked(() => {})];
  assert.ok((await refusalOf(() => executor.submit(object as Fn))) instanceof NotAFunctionError);
  assert.ok((await refusalOf(() => executor.submit(fn as Fn))) instanceof FunctionNotPicklableError);
  for (const proxy of [object, fn]) {
    const error = await refusalOf(() => executor.submit(echo, { list: [proxy] }));
    assert.ok(error instanceof NotSerializableError);
    assert.equal(error.path, "args[0].list[0]");
    assert.match(error.message, /it is a Proxy/);
  }
  const inherits: object = Object.create(object) as object;
  for (const [task, variable] of [
    [() => [object], "object"],
    [() => [fn], "fn"],
    [() => [inherits], "inherits"],
  ] as const) {
    const error = await refusalOf(() => executor.submit(task));
    assert.ok(error instanceof FunctionNotPicklableError);
    assert.equal(error.problems[0]?.variable, variable);
    assert.match(error.message, /Proxy/);
  }
});

test("a revoked Proxy that is thrown, or held by an error, gives a proper error", async () => {
  const throwIt = (isInError: boolean): never => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    if (!isInError) throw proxy;
    throw Object.assign(new RangeError("kept", { cause: proxy }), { held: [proxy] });
  };
  const thrown = await executor.submit(throwIt, false).exception();
  assert.ok(thrown instanceof NotSerializableError);
  assert.match(thrown.message, /it is a Proxy/);
  const holder = await executor.submit(throwIt, true).exception();
  assert.ok(holder instanceof RangeError);
  assert.equal(holder.message, "kept");
  assert.match(String(holder.cause), /not sent: it is a Proxy/);
});
