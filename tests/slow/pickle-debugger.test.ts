/** A debugger of the user's is as it was after functions were looked into. */

import assert from "node:assert/strict";
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

import { InspectorClient } from "../testlibraries/inspector-client.js";
import { waitUntil } from "../testlibraries/wait-until.js";

const DEBUGGED = fileURLToPath(new URL("../fixtures/is-debugged.js", import.meta.url));

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
