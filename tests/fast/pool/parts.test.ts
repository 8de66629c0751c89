import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { Writable } from "node:stream";
import { createRequire } from "node:module";
import { describe } from "node:test";
import { join } from "node:path";
import { mkdtempSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";

import { FunctionTable } from "../../../src/pool/queue/function-table.js";
import { OutputForwarder } from "../../../src/pool/worker/output-forwarder.js";
import { HeardTask } from "../../testlibraries/heard-task.js";
import { PooledFunction } from "../../../src/pool/queue/function-table.js";
import { SentFunctions } from "../../../src/pool/tasks/send-task.js";
import { TaskQueue } from "../../../src/pool/queue/task-queue.js";
import { inheritableExecArgv } from "../../../src/pool/worker/start-options.js";
import { mapFrames } from "../../../src/pool/queue/map-frames.js";
import { sendFunctions } from "../../../src/pool/tasks/send-task.js";
import type { ParentChannel } from "../../../src/wire/parent-channel.js";
import type { PoolTask } from "../../../src/pool/queue/pool-task.js";
import type { TaskKind } from "../../../src/pool/queue/pool-task.js";

class NumberedTask extends HeardTask {
  readonly id: number;

  constructor(id: number, kind: TaskKind) {
    super(kind, Uint8Array.of());
    this.id = id;
  }
}

const idOf = (task: PoolTask | undefined): number => (task as NumberedTask | undefined)?.id ?? -1;

function makeTask(id: number): NumberedTask {
  return new NumberedTask(id, {
    name: `task ${id}`,
    fn: new PooledFunction(1, Uint8Array.of()),
    callCount: 0,
    timeoutMs: undefined,
  });
}

test("a queue gives tasks in the order of their arrival, without the removed ones", () => {
  const queue = new TaskQueue();
  const tasks = Array.from({ length: 5000 }, (_, id) => makeTask(id));
  for (const task of tasks) queue.push(task);
  const removed = tasks.filter((task) => task.id % 3 === 0);
  for (const task of removed) assert.equal(queue.remove(task), true);
  for (const task of removed) assert.equal(queue.remove(task), false);
  assert.equal(queue.size, 5000 - removed.length);
  const order: number[] = [];
  for (let i = 0; i < 2000; i += 1) order.push(idOf(queue.shift()));
  const late = makeTask(9999);
  queue.push(late);
  // Removal must still find its place after the array was cut.
  assert.equal(queue.remove(tasks[4999] ?? late), true);
  order.push(...queue.drain().map(idOf));
  const expected = tasks.map((task) => task.id).filter((id) => id % 3 !== 0 && id !== 4999);
  assert.deepEqual(order, [...expected, 9999]);
  assert.equal(queue.size, 0);
  assert.equal(queue.shift(), undefined);
});

test("a task that is given back comes first again, and can be removed", () => {
  const queue = new TaskQueue();
  const [a, b, c] = [makeTask(1), makeTask(2), makeTask(3)];
  queue.push(a);
  queue.unshift(b);
  queue.unshift(c);
  assert.equal(queue.size, 3);
  assert.equal(queue.remove(c), true);
  assert.deepEqual(queue.drain().map(idOf), [2, 1]);
});

test("a settled task reports once, with the reason for its end before any other outcome", () => {
  const outcomes: unknown[] = [];
  const kind: TaskKind = {
    name: "t",
    fn: new PooledFunction(1, Uint8Array.of()),
    callCount: 0,
    timeoutMs: 5,
  };
  const task = new HeardTask(kind, Uint8Array.of(), { onSettled: (outcome) => outcomes.push(outcome) });
  const reason = new Error("cancelled");
  task.endReason = reason;
  task.settle({ kind: "result", value: Uint8Array.of(1) });
  task.settle({ kind: "result", value: Uint8Array.of(2) });
  assert.deepEqual(outcomes, [{ kind: "ended", error: reason }]);
  assert.throws(() => task.args, /has begun/);
  assert.throws(() => task.kind, /has ended/, "what the function captures is not kept");
});

test("equal pickles share one id, different ones don't", () => {
  const table = new FunctionTable();
  const first = table.intern(Uint8Array.of(1, 2), "");
  assert.equal(table.intern(Uint8Array.of(1, 2), ""), first);
  assert.notEqual(table.intern(Uint8Array.of(1, 3), "").id, first.id);
  assert.notEqual(table.intern(Uint8Array.of(1, 2), "7").id, first.id);
  assert.equal(table.intern(Uint8Array.of(1, 2), "7"), table.intern(Uint8Array.of(1, 2), "7"));
});

test("a function table and a worker's record of functions forget the least recently used, and stay bounded", () => {
  const table = new FunctionTable();
  const kept = table.intern(Buffer.from("kept"), "");
  for (let i = 0; i < 2500; i += 1) {
    table.intern(Buffer.from(`function ${i}`), "");
    assert.equal(table.intern(Buffer.from("kept"), ""), kept);
  }
  const sent = new SentFunctions();
  sent.add(1);
  const forgotten: number[] = [];
  for (let id = 2; id <= 1500; id += 1) {
    sent.add(id);
    forgotten.push(...sent.dropExcess(new Set([id])));
    assert.equal(sent.has(1), true);
  }
  assert.deepEqual(
    forgotten,
    Array.from({ length: 500 }, (_, i) => i + 2),
  );
  assert.equal(sent.has(2), false);
});

describe("functions that a worker is sent", () => {
  const MIB = 1024 * 1024;
  const fnOf = (id: number, sizeBytes: number): PooledFunction => new PooledFunction(id, new Uint8Array(sizeBytes));
  const [a, b, small, other] = [fnOf(1, 40 * MIB), fnOf(2, 40 * MIB), fnOf(3, 100), fnOf(4, 100)];

  /** A task that runs the last one of these, and has the others in its arguments. */
  function taskOf(functions: readonly PooledFunction[]): PoolTask {
    const extras = functions.length > 1 ? { functions: functions.slice(0, -1) } : undefined;
    const kind = { ...makeTask(0).kind, fn: functions.at(-1) as PooledFunction, extras };
    return new HeardTask(kind, Uint8Array.of());
  }

  /**
   * What is sent for each of several tasks: `+` and the id of a function, or `-` and that of one to forget.
   *
   * @param before - What those tasks need that the worker has all the while.
   */
  function sentFor(
    sent: SentFunctions,
    tasks: readonly (readonly PooledFunction[])[],
    before: readonly (readonly PooledFunction[])[] = [],
  ): string[] {
    return tasks.map((functions) => {
      const log: string[] = [];
      const send = ({ kind, functionId }: { kind: string; functionId: number }): void => {
        log.push(`${kind === "function" ? "+" : "-"}${functionId}`);
      };
      const task = taskOf(functions);
      sendFunctions(task, [...before.map(taskOf), task], sent, { send } as unknown as ParentChannel);
      return log.join(" ");
    });
  }

  test("stay while they fit, however often too many were needed at once", () => {
    const sent = new SentFunctions();
    for (let round = 0; round < 3; round += 1) sentFor(sent, [[a], [b, a], [small]]);
    assert.deepEqual(sentFor(sent, [[small], [other], [small], [other]]), ["", "+4", "", ""]);
  });

  test("are never forgotten for others of the same task", () => {
    const sent = new SentFunctions();
    assert.deepEqual(sentFor(sent, [[a], [b, a], [a, b], [small]]), ["+1", "+2", "", "+3 -1"]);
    assert.deepEqual(sentFor(sent, [[b], [a], [b]]), ["", "+1 -3 -2", "+2 -1"]);
  });

  test("are never forgotten while a task waits for them in the worker, and those of no task are before them", () => {
    const sent = new SentFunctions();
    assert.deepEqual(sentFor(sent, [[a], [small]]), ["+1", "+3"]);
    assert.deepEqual(sentFor(sent, [[b], [other]], [[a]]), ["+2 -3", "+4 -2"], "a was used before the others");
    assert.deepEqual(sentFor(sent, [[b]], [[other, a]]), ["+2"], "those in arguments are needed as well");
    assert.deepEqual(sentFor(sent, [[small]], [[b]]), ["+3 -1"], "what was too much goes with the next one");
  });
});

test("workers inherit loaders and conditions, not scripts, debuggers, test runners or watchers", () => {
  const given = [
    "--import",
    "./loader.mjs",
    "--inspect=9229",
    "--inspect-brk",
    "--conditions=development",
    "-e",
    "console.log(1)",
    "--eval=2",
    "--input-type",
    "module",
    "--test",
    "--test-name-pattern=x",
    "--enable-source-maps",
    "--inspect-port",
    "0",
    "--watch",
    "--max-old-space-size=64",
  ];
  assert.deepEqual(inheritableExecArgv(given), [
    "--import",
    "./loader.mjs",
    "--conditions=development",
    "--enable-source-maps",
    "--max-old-space-size=64",
  ]);
});

test("a worker has source maps when the program has turned them on by itself", () => {
  assert.deepEqual(inheritableExecArgv(["--inspect"], true), ["--enable-source-maps"]);
  assert.deepEqual(inheritableExecArgv(["--enable-source-maps"], true), ["--enable-source-maps"]);
  assert.deepEqual(inheritableExecArgv(["--inspect"], false), []);
});

test("output goes on in whole lines, the last one ended, split characters mended", async () => {
  const source = new PassThrough();
  const seen: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      seen.push(chunk.toString());
      done();
    },
  });
  const forwarder = new OutputForwarder(source, () => destination);
  const umlaut = Buffer.from("ü");
  source.write("one\ntw");
  source.write("o\n");
  source.write(umlaut.subarray(0, 1));
  source.write(umlaut.subarray(1));
  source.end();
  await forwarder.ended;
  assert.deepEqual(seen, ["one\n", "two\n", "ü\n"]);
  assert.equal(forwarder.tail, "one\ntwo\nü");
});

test("output waits for a slow destination, and is thrown away once that is closed", async () => {
  const source = new PassThrough({ highWaterMark: 1024 });
  const destination = new Writable({ highWaterMark: 1, write: () => {} });
  const forwarder = new OutputForwarder(source, () => destination);
  source.write("first\n");
  await new Promise(setImmediate);
  assert.equal(source.isPaused(), true);
  destination.destroy();
  source.end("second\n");
  await forwarder.ended;
  assert.equal(forwarder.tail, "first\nsecond");
});

describe("the frames that a worker tells of a task that took too long", () => {
  test("show the lines of the sources", () => {
    const map = `data:application/json;base64,${Buffer.from(
      JSON.stringify({ version: 3, sources: ["source.ts"], names: [], mappings: "AAIM" }),
    ).toString("base64")}`;
    const folder = mkdtempSync(join(tmpdir(), "asynccpu-frames (x)-"));
    const file = join(folder, "made.cjs");
    writeFileSync(file, `exports.made = true;\n//# sourceMappingURL=${map}\n`);
    createRequire(import.meta.url)(file);
    const [url, source] = [file, join(folder, "source.ts")].map((each) => pathToFileURL(each).href);
    rmSync(folder, { recursive: true });
    const frames = [`    at f (${file}:1:1)`, `    at async g.h (${file}:1:3)`, `    at ${file}:1:1`];
    const others = ["    at f (file:///unknown.js:1:1)", "    at native", "", "    at f (<unknown>:1:1", ")"];
    assert.ok(url !== undefined && source !== undefined);
    const expected = [`    at f (${source}:5:7)`, `    at async g.h (${source}:5:7)`, `    at ${source}:5:7`];
    assert.deepEqual(mapFrames([...frames, ...others].join("\n")).split("\n"), [...expected, ...others]);
  });

  test("take no longer than their length, whatever they are", () => {
    const hostile = [
      "(:1".repeat(1600),
      ":1".repeat(2400),
      `${"(a:1:1".repeat(800)})`,
      " (".repeat(2400),
      "1".repeat(4990),
    ];
    for (const each of hostile) {
      const frames = Array.from({ length: 3 }, () => `    at ${each}`).join("\n");
      assert.equal(mapFrames(frames), frames);
    }
    const long = `    at ${"(:1".repeat(1_000_000)}`;
    assert.equal(mapFrames(long), long);
  });
});
