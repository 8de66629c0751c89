/**
 * What packages do to functions and classes that travel by value only where a bundler has put the package into the
 * program's file.
 */

import assert from "node:assert/strict";
import { channel } from "node:diagnostics_channel";
import { subscribe } from "node:diagnostics_channel";
import { tracingChannel } from "node:diagnostics_channel";
import { unsubscribe } from "node:diagnostics_channel";
import fs from "node:fs";
import { Writable } from "node:stream";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { FunctionNotPicklableError } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";

import { pickleFunction } from "../../../src/pickle/pickle-function.js";

const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });

after(() => executor.shutdown());

/** Submits a function whose result must be what it is here. */
async function check(fn: () => unknown): Promise<void> {
  assert.deepEqual(await executor.submit(fn), await fn());
}

interface Sink extends Writable {
  readonly chunks: string[];
}
type SinkClass = (new () => Sink) & ((this: Writable) => void);

/** As util.inherits and its like make a subclass. */
function makeSink(): SinkClass {
  function OldSink(this: Writable & { chunks: string[] }): void {
    Writable.call(this);
    this.chunks = [];
  }
  OldSink.prototype = Object.create(Writable.prototype) as object;
  Object.assign(OldSink.prototype, {
    _write(this: Sink, chunk: Buffer, _encoding: string, done: () => void) {
      this.chunks.push(String(chunk));
      done();
    },
  });
  return OldSink as unknown as SinkClass;
}

describe("a subclass of a class of Node's that was made with Object.create", () => {
  const OldSink = makeSink();

  test("is sent", async () => {
    await check(() => {
      const sink = new OldSink();
      sink.end("text");
      return [sink.chunks, sink instanceof Writable];
    });
  });

  test("has instances that are refused as those of other classes are", async () => {
    const sink = new OldSink();
    const both = (): unknown => [OldSink, sink];
    await assert.rejects(executor.submit(both), /sink: an instance of Writable holds state/);
  });
});

test("a class is sent whose prototype has accessors for all members, the constructor included", async () => {
  class Headers {
    get(name: string): string {
      return `got ${name}`;
    }
    static of(): Headers {
      return new this();
    }
  }
  const value = function (this: Headers): string {
    return this.get("length");
  };
  Object.defineProperty(Headers.prototype, "getLength", { value, configurable: true });
  for (const [name, { value: member }] of Object.entries(Object.getOwnPropertyDescriptors(Headers.prototype))) {
    Object.defineProperty(Headers.prototype, name, { get: () => member as unknown });
  }
  const made = new Headers() as Headers & { getLength(): string };
  await check(() => [made.getLength(), Headers.of() instanceof Headers, Headers.of().get("x")]);
});

test("an object is sent that captureStackTrace has given a stack", async () => {
  const traced: { stack?: string } = {};
  Error.captureStackTrace(traced);
  await check(() => typeof traced.stack);
  await check(() => traced.stack?.split("\n").length);
});

test("an object is sent whose own constructor can't be read", async () => {
  const odd = Object.defineProperty({ x: 1 }, "constructor", {
    get: () => {
      throw new Error("no");
    },
  });
  assert.equal(await executor.submit(() => odd.x), 1);
});

test("what is found in the worker may have a `then`", async () => {
  const { prototype } = Promise;
  await check(() => [typeof prototype.then, prototype === Promise.prototype]);
});

describe("the name that a function expression has for itself", () => {
  const makeCounter = function counter(limit: number) {
    return {
      arrow: () => [counter.tag, limit],
      method(): unknown {
        return counter.tag;
      },
      later: async () => Promise.resolve(counter.tag),
    };
  };
  makeCounter.tag = "tag";

  test("is known to functions inside of it", async () => {
    const { arrow, method, later } = makeCounter(3);
    await check(() => arrow());
    await check(() => method());
    await check(() => later());
  });

  test("is not mistaken for a variable of the same name", async () => {
    const same = (function same() {
      return () => typeof same;
    })();
    await check(() => same());
  });

  test("runs nothing of the function that it is read in", async () => {
    let count = 0;
    const arrow = (function outer() {
      return () => [typeof outer, ++count];
    })();
    assert.deepEqual(await executor.submit(() => arrow()), ["function", 1]);
    assert.equal(count, 0);
  });

  test("is refused with the reason where it can't be read", async () => {
    const Inner = (function outer() {
      return class {
        name = typeof outer;
      };
    })();
    await assert.rejects(
      executor.submit(() => new Inner().name),
      /through outer .*: V8 does not tell what it holds/,
    );
  });

  test("is refused there, too, where a variable around it has the same name", () => {
    const same = "a variable";
    const makers = (function same() {
      return [
        class {
          name = typeof same;
        },
        function* () {
          yield typeof same;
        },
      ] as const;
    })();
    assert.equal(same, "a variable");
    for (const each of makers) assert.throws(() => pickleFunction(each), /- same: V8 does not tell what it holds/);
  });
});

test("a member of a function that a module of Node's exports is that member", async () => {
  const { native } = fs.realpathSync;
  await check(() => native(".") === fs.realpathSync.native("."));
});

test("a constant that is what the program has put on a global is no global of the worker's", async () => {
  class Registry {
    readonly names = new Map([["a", 1]]);
  }
  const globals = globalThis as unknown as { asynccpuRegistry?: Registry; performance: typeof performance };
  const math = Math as unknown as { asynccpuDouble?: (x: number) => number };
  try {
    globals.asynccpuRegistry = new Registry();
    math.asynccpuDouble = (x) => x * 2;
    const registry = globals.asynccpuRegistry;
    const double = math.asynccpuDouble;
    const { abs } = Math;
    const time = globals.performance;
    await check(() => [registry.names.get("a"), double(2), abs(-1), typeof time.now()]);
  } finally {
    delete globals.asynccpuRegistry;
    delete math.asynccpuDouble;
  }
});

describe("a channel of node:diagnostics_channel", () => {
  const plain = channel("asynccpu.test.plain");
  const tracing = tracingChannel("asynccpu.test");

  test("is the worker's channel of that name, captured or as an argument", async () => {
    assert.deepEqual(await executor.submit(() => [plain.name, plain === channel("asynccpu.test.plain")]), [
      "asynccpu.test.plain",
      true,
    ]);
    assert.equal(
      await executor.submit((given: typeof plain) => given === channel("asynccpu.test.plain"), plain),
      true,
    );
  });

  test("may have listeners, which are not sent", async () => {
    const listener = (): void => {};
    subscribe("asynccpu.test.plain", listener);
    try {
      assert.equal(await executor.submit(() => plain.hasSubscribers), false);
      assert.equal(await executor.submit((given: typeof plain) => given.hasSubscribers, plain), false);
    } finally {
      unsubscribe("asynccpu.test.plain", listener);
    }
  });

  test("of five traces there as here", async () => {
    const trace = (given: typeof tracing): unknown => {
      const events: string[] = [];
      tracingChannel("asynccpu.test").subscribe({
        start: () => events.push("start"),
        end: () => events.push("end"),
      } as never);
      return [given.traceSync(() => 1, {}), events];
    };
    assert.deepEqual(await executor.submit(() => trace(tracing)), [1, ["start", "end"]]);
  });

  test("whose name is a symbol is refused", async () => {
    const nameless = channel(Symbol("own"));
    await assert.rejects(
      executor.submit(() => nameless.name),
      (error) => {
        assert.ok(error instanceof FunctionNotPicklableError);
        assert.match(error.message, /nameless: .*the name of a channel has to be a string/);
        return true;
      },
    );
  });
});
