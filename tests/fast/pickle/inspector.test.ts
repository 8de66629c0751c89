/** What looking into functions leaves behind: no session, no port. */

import assert from "node:assert/strict";
import inspector from "node:inspector";
import { afterEach } from "node:test";
import { beforeEach } from "node:test";
import { describe } from "node:test";
import { once } from "node:events";
import { spawn } from "node:child_process";
import { test } from "node:test";

import { ProcessPoolExecutor } from "asynccpu";

import { FunctionNotPicklableError } from "../../../src/errors.js";
import { FunctionInspector } from "../../../src/pickle/look/function-inspector.js";
import { add } from "../../fixtures/tasks.js";
import { pickleFunction } from "../../../src/pickle/pickle-function.js";

const state = { count: 0 };

function readsState(): number {
  return state.count;
}

describe("the inspector", () => {
  const { connect, disconnect, post } = inspector.Session.prototype;
  const calls: string[] = [];

  beforeEach(() => {
    calls.length = 0;
    inspector.Session.prototype.connect = function connectAndNote(): void {
      calls.push("connect");
      connect.call(this);
    };
    inspector.Session.prototype.disconnect = function disconnectAndNote(): void {
      calls.push("disconnect");
      disconnect.call(this);
    };
    inspector.Session.prototype.post = function postAndNote(this: inspector.Session, ...args: unknown[]): void {
      calls.push(String(args[0]));
      Reflect.apply(post, this, args);
    };
  });

  afterEach(() => Object.assign(inspector.Session.prototype, { connect, disconnect, post }));

  const count = (call: string): number => calls.filter((each) => each === call).length;

  test("is left after each look, with its debugger off, and opens no port", () => {
    const captured = { value: 1 };
    const first = (): number => captured.value;
    pickleFunction(() => first() + readsState());
    assert.equal(count("connect"), 1);
    assert.equal(count("disconnect"), 1);
    assert.equal(calls.at(-1), "disconnect");
    assert.equal(count("Debugger.enable"), count("Debugger.disable"));
    assert.ok(count("Debugger.enable") <= 1, "once for all scripts of a job");
    calls.length = 0;
    const unsendable = new WeakRef({});
    assert.throws(() => pickleFunction(() => unsendable), FunctionNotPicklableError);
    assert.equal(count("connect"), 1);
    assert.equal(count("connect"), count("disconnect"));
    assert.equal(inspector.url(), undefined);
  });

  test("is asked once for a function that can't change, however often it is submitted", async () => {
    const pool = new ProcessPoolExecutor({ maxWorkers: 1 });
    try {
      const constant = 3;
      const byValue = (value: number): number => value * constant;
      await Promise.all([pool.submit(byValue, 1), pool.submit(add, 1, 2)]);
      assert.equal(count("connect"), 2);
      calls.length = 0;
      const results = Array.from({ length: 50 }, (_, index) => pool.submit(byValue, index));
      assert.equal((await Promise.all(results)).at(-1), 147);
      await pool.submit(add, 3, 4);
      assert.deepEqual(calls, []);
    } finally {
      await pool.shutdown();
    }
  });

  test("is asked for all functions together, where what they see is compared", () => {
    const FUNCTIONS = 20;
    const counters = Array.from({ length: FUNCTIONS }, (_, index) => {
      let count = index;
      return () => (count += 1);
    });
    const { seen } = pickleFunction(() => counters.map((each) => each()));
    calls.length = 0;
    using session = new FunctionInspector();
    assert.ok(seen.isUnchanged(session));
    assert.equal(count("Runtime.callFunctionOn"), 1);
    assert.ok(calls.length < 2 * FUNCTIONS, `${calls.length} commands`);
    counters[7]?.();
    using later = new FunctionInspector();
    assert.ok(!seen.isUnchanged(later));
  });

  test("is asked for no script a second time", () => {
    pickleFunction(readsState);
    calls.length = 0;
    for (let round = 0; round < 3; round += 1) pickleFunction((value: number) => value + round + readsState());
    assert.equal(count("Debugger.enable"), 0);
    assert.equal(count("Runtime.callFunctionOn"), 6, "one for each function that is looked at");
  });

  test("keeps the program's own session as it was", async () => {
    const session = new inspector.Session();
    session.connect();
    try {
      const scripts: string[] = [];
      session.on("Debugger.scriptParsed", ({ params }) => scripts.push(params.url));
      session.post("Debugger.enable");
      scripts.length = 0;
      pickleFunction(readsState);
      assert.equal(scripts.filter((url) => url !== "").length, 0, "no script is announced again");
      assert.ok(scripts.length <= 4, `${scripts.length} scripts of ours`);
      // Fails where the debugger is off.
      session.post("Debugger.setSkipAllPauses", { skip: false }, (error) => assert.equal(error, null));
    } finally {
      session.disconnect();
    }
  });
});

test("a program ends by itself after a look into functions", async () => {
  const source = `
    import { pickleFunction } from ${JSON.stringify(new URL("../../../src/pickle/pickle-function.js", import.meta.url).href)};
    const value = { a: 1 };
    const before = process.getActiveResourcesInfo().length;
    pickleFunction(() => value.a);
    console.log(process.getActiveResourcesInfo().length - before);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  assert.equal(code, 0);
  assert.equal(output.trim(), "0");
});
