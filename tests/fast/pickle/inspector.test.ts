/** What looking into functions leaves behind: no session, no port, and a debugger of the user's as it was. */

import assert from "node:assert/strict";
import inspector from "node:inspector";
import { afterEach } from "node:test";
import { beforeEach } from "node:test";
import { describe } from "node:test";
import { once } from "node:events";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { ChildProcessByStdio } from "node:child_process";
import type { Readable } from "node:stream";
import type { Writable } from "node:stream";

import { FunctionInspector } from "../../../src/pickle/look/function-inspector.js";
import { FunctionNotPicklableError } from "../../../src/index.js";
import { InspectorClient } from "../../testlibraries/inspector-client.js";
import { ProcessPoolExecutor } from "../../../src/index.js";
import { add } from "../../fixtures/tasks.js";
import { pickleFunction } from "../../../src/pickle/pickle-function.js";
import { waitUntil } from "../../testlibraries/wait-until.js";

const DEBUGGED = fileURLToPath(new URL("../../fixtures/is-debugged.js", import.meta.url));

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

describe("a debugger of the user's", () => {
  let child: ChildProcessByStdio<Writable, Readable, Readable>;
  let client: InspectorClient | undefined;

  beforeEach(async () => {
    child = spawn(process.execPath, ["--inspect=127.0.0.1:0", DEBUGGED], { stdio: ["pipe", "pipe", "pipe"] });
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    const urlOf = (): string | undefined => /ws:\/\/\S+(?=\s)/.exec(errors)?.[0];
    await once(child.stdout, "data");
    const url = await waitUntil(urlOf, { what: "the debugger's address" });
    client = await InspectorClient.connect(url ?? "");
    await client.post("Runtime.enable");
    await client.post("Debugger.enable");
  });

  afterEach(async () => {
    client?.[Symbol.dispose]();
    client = undefined;
    const ended = child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined;
    child.stdin.end();
    await ended;
    assert.equal(child.exitCode, 0);
  });

  function debugging(): InspectorClient {
    assert.ok(client !== undefined);
    return client;
  }

  async function evaluate(expression: string): Promise<unknown> {
    const { result } = await debugging().post("Runtime.evaluate", { expression, awaitPromise: true });
    return (result as { value: unknown }).value;
  }

  /** Sets a breakpoint in the function that the program calls in each round. */
  async function breakInMarker(): Promise<void> {
    const { result } = await debugging().post("Runtime.evaluate", { expression: "marker" });
    const { internalProperties } = await debugging().post("Runtime.getProperties", {
      objectId: (result as { objectId: string }).objectId,
    });
    const { value } = (
      internalProperties as { name: string; value: { value: { scriptId: string; lineNumber: number } } }[]
    ).find(({ name }) => name === "[[FunctionLocation]]")?.value ?? { value: undefined };
    assert.ok(value !== undefined);
    await debugging().post("Debugger.setBreakpoint", {
      location: { scriptId: value.scriptId, lineNumber: value.lineNumber + 1 },
    });
  }

  async function pausedFrame(from: number): Promise<{ callFrameId: string; functionName: string }> {
    const { params } = await debugging().event("Debugger.paused", from);
    const [frame] = params["callFrames"] as { callFrameId: string; functionName: string }[];
    assert.ok(frame !== undefined);
    return frame;
  }

  test("stops at its breakpoints before, between and after submissions", async () => {
    await breakInMarker();
    for (let round = 1; round <= 3; round += 1) {
      const from = debugging().events.length;
      const result = evaluate("doRound()");
      assert.equal((await pausedFrame(from)).functionName, "marker");
      await debugging().post("Debugger.resume");
      assert.equal(await result, 1 + round);
    }
  });

  test("stays paused while the console submits functions, also of scripts not seen before", async () => {
    await breakInMarker();
    const result = evaluate("doRound()");
    const { callFrameId } = await pausedFrame(0);
    const from = debugging().events.length;
    const look = (expression: string): Promise<Record<string, unknown>> =>
      debugging().post("Debugger.evaluateOnCallFrame", { callFrameId, expression });
    assert.ok(Number(((await look("globalThis.pickleNow()"))["result"] as { value: unknown }).value) > 0);
    assert.equal(((await look("round"))["result"] as { value: unknown }).value, 1);
    assert.equal(debugging().count("Debugger.resumed", from), 0);
    await debugging().post("Debugger.resume");
    assert.equal(await result, 2);
  });

  test("stops at no exception of ours, where it stops at all of them", async () => {
    await debugging().post("Debugger.setPauseOnExceptions", { state: "all" });
    const from = debugging().events.length;
    const result = evaluate("globalThis.pickleNow()");
    const first = await Promise.race([result, debugging().event("Debugger.paused", from)]);
    await debugging().post("Debugger.setPauseOnExceptions", { state: "none" });
    if (debugging().count("Debugger.paused", from) > 0) await debugging().post("Debugger.resume");
    assert.ok(typeof first === "number" && first > 0, "it has stopped");
  });

  test("hears of few scripts of ours, and of none of the program's again", async () => {
    await evaluate("doRound()");
    const ROUNDS = 50;
    const from = debugging().events.length;
    for (let round = 0; round < ROUNDS; round += 1) await evaluate("doRound()");
    const scripts = debugging()
      .events.slice(from)
      .filter(({ method }) => method === "Debugger.scriptParsed")
      // Node loads some of its own when it is first asked for a position.
      .filter(({ params }) => !String(params["url"]).startsWith("node:"));
    // One is that of the evaluation itself.
    assert.ok(scripts.length <= 3 * ROUNDS, `${scripts.length} scripts in ${ROUNDS} submissions`);
    assert.equal(scripts.filter(({ params }) => params["url"] !== "").length, 0);
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
