/**
 * In whose asynchronous context the program's own callbacks run: that of the submission, and not of the request that
 * started the worker.
 */

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { Duplex } from "node:stream";
import { Readable } from "node:stream";
import { Writable } from "node:stream";
import { once } from "node:events";
import { runInNewContext } from "node:vm";
import { setFlagsFromString } from "node:v8";
import { test } from "node:test";

import { LogQueue } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { QueueListener } from "asynccpu";
import { getLogger } from "asynccpu";

import { add } from "../fixtures/tasks.js";
import { hangForEver } from "../fixtures/tasks.js";
import { waitUntil } from "../testlibraries/wait-until.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const requests = new AsyncLocalStorage<string>();

/** Notes in whose request each of the steps of a stream runs. */
class Steps {
  readonly seen: string[] = [];

  note(step: string): void {
    this.seen.push(`${step} in ${requests.getStore() ?? "no request"}`);
  }

  /** Each step once, in the order of their names. */
  get different(): string[] {
    return [...new Set(this.seen)].toSorted();
  }
}

function readable(steps: Steps, isEndless = false): Readable {
  let count = 0;
  return new Readable({
    read() {
      steps.note("read");
      count += 1;
      this.push(count > 3 && !isEndless ? null : `chunk ${count}`);
    },
    destroy(error, callback) {
      steps.note("destroy");
      callback(error);
    },
  });
}

function writable(steps: Steps): Writable {
  return new Writable({
    write(_chunk, _encoding, callback) {
      steps.note("write");
      callback();
    },
    final(callback) {
      steps.note("final");
      callback();
    },
    destroy(error, callback) {
      steps.note("destroy");
      callback(error);
    },
  });
}

function webReadable(steps: Steps): ReadableStream<string> {
  let count = 0;
  return new ReadableStream<string>(
    {
      pull(controller) {
        steps.note("pull");
        count += 1;
        controller.enqueue(`chunk ${count}`);
      },
      cancel() {
        steps.note("cancel");
      },
    },
    { highWaterMark: 0 },
  );
}

function webWritable(steps: Steps): WritableStream<string> {
  return new WritableStream<string>({
    write: () => steps.note("write"),
    close: () => steps.note("close"),
    abort: () => steps.note("abort"),
  });
}

function duplex(steps: Steps): Duplex {
  return new Duplex({
    read() {
      steps.note("read");
      this.push("x");
    },
    write(_chunk, _encoding, callback) {
      steps.note("write");
      callback();
    },
    destroy(error, callback) {
      steps.note("destroy");
      callback(error);
    },
  });
}

async function drink(stream: AsyncIterable<unknown>, limit = Infinity): Promise<number> {
  let count = 0;
  for await (const chunk of stream) {
    count += String(chunk).length > 0 ? 1 : 0;
    if (count >= limit) break;
  }
  return count;
}

async function fill(stream: Writable): Promise<void> {
  await new Promise((resolve) => stream.write("x", resolve));
  await new Promise((resolve) => stream.end(resolve));
}

async function fillWeb(stream: WritableStream<string>, isAborted: boolean): Promise<void> {
  const writer = stream.getWriter();
  await writer.write("x");
  await (isAborted ? writer.abort("enough") : writer.close());
}

async function useDuplex(stream: Duplex): Promise<void> {
  await new Promise((resolve) => stream.write("x", resolve));
  await new Promise((resolve) => stream.once("data", resolve));
}

/** Starts the only worker in the context of another request. */
async function makeExecutor(): Promise<ProcessTaskPoolExecutor> {
  const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, graceMs: 100 });
  assert.equal(await requests.run("A", () => executor.submit(add, 1, 2)), 3);
  return executor;
}

test("the callbacks of a task's streams run in the context of its submission", async () => {
  await using executor = await makeExecutor();
  const cases: [expected: string[], submit: (steps: Steps) => Promise<unknown>][] = [
    [["read", "destroy"], (steps) => executor.submit(drink, readable(steps))],
    [["read", "destroy"], (steps) => executor.submit(drink, readable(steps, true), 2)],
    [["write", "final", "destroy"], (steps) => executor.createProcessTask(fill, writable(steps))],
    [["pull", "cancel"], (steps) => executor.submit(drink, webReadable(steps), 2)],
    [["write", "close"], (steps) => executor.submit(fillWeb, webWritable(steps), false)],
    [["write", "abort"], (steps) => executor.submit(fillWeb, webWritable(steps), true)],
    [["read", "write", "destroy"], (steps) => executor.submit(useDuplex, duplex(steps))],
    [["read", "destroy"], (steps) => executor.map(drink, [readable(steps)]).next()],
  ];
  for (const [expected, submit] of cases) {
    const steps = new Steps();
    await requests.run("B", () => submit(steps));
    await waitUntil(() => steps.different.length >= expected.length, { what: expected.join() });
    assert.deepEqual(steps.different, expected.map((step) => `${step} in B`).toSorted());
  }
});

test("so do those at the end of a task that is cancelled, is killed, or never begins", async () => {
  await using executor = await makeExecutor();
  const spin = async (stream: Readable): Promise<void> => {
    stream.read();
    for (;;) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  const [cancelled, crashed] = [new Steps(), new Steps()];
  const first = requests.run("B", () => executor.submit(spin, readable(cancelled, true)));
  await waitUntil(() => cancelled.seen.length > 0, { what: "the first one to read" });
  requests.run("C", () => first.cancel());
  await first.exception();
  const exit = (stream: Readable): void => void stream.once("readable", () => process.exit(3));
  const hangAndExit = async (stream: Readable): Promise<void> => {
    exit(stream);
    await hangForEver();
  };
  await requests.run("B", () => executor.submit(hangAndExit, readable(crashed, true))).exception();
  for (const { seen, different } of [cancelled, crashed]) {
    assert.deepEqual(different, ["destroy in B", "read in B"], seen.join());
  }
});

test("a stream in a result tells its user of its end in that one's context", async () => {
  await using executor = await makeExecutor();
  const make = (): Readable => {
    const stream = process.getBuiltinModule("node:stream").Readable.from(["a", "b"]);
    stream.once("end", () => {});
    return stream;
  };
  const steps = new Steps();
  await requests.run("B", async () => {
    const stream = await executor.submit(make);
    for (const event of ["data", "end", "close"]) stream.on(event, () => steps.note(event));
    await once(stream, "close");
  });
  assert.deepEqual(steps.different, ["close in B", "data in B", "end in B"]);
  const broken = new Steps();
  await requests.run("B", async () => {
    const stream = await executor.submit(() => {
      const { Readable: Source } = process.getBuiltinModule("node:stream");
      return new Source({
        read() {
          this.push("x");
          setTimeout(() => process.exit(3), 50);
        },
      });
    });
    for (const event of ["data", "error", "close"]) stream.on(event, () => broken.note(event));
    await new Promise((resolve) => stream.once("close", resolve));
  });
  assert.deepEqual(broken.different, ["close in B", "data in B", "error in B"]);
});

test("handlers of log records run in the context of start(), and a queue of the user's in that of the executor", async () => {
  const [handled, put] = [new Steps(), new Steps()];
  const queue = new LogQueue();
  const listener = new QueueListener(queue, {
    handle: async (record) => {
      handled.note(record.message);
      await new Promise(setImmediate);
    },
    flush: () => handled.note("flush"),
  });
  requests.run("S", () => listener.start());
  const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, queue });
  const say = (text: string): void => getLogger("x").info(text);
  await requests.run("A", () => executor.submit(say, "one"));
  await requests.run("B", () => executor.submit(say, "two"));
  await executor.shutdown();
  queue.put({ level: "info", message: "three", timeMs: 0, pid: 1 });
  await requests.run("T", () => listener.stop());
  assert.deepEqual(handled.seen, ["one in S", "two in S", "three in S", "flush in S"]);
  const ownQueue = { put: () => put.note("put") } as unknown as LogQueue;
  await using other = requests.run("E", () => new ProcessTaskPoolExecutor({ maxWorkers: 1, queue: ownQueue }));
  await requests.run("A", () => other.submit(say, "one"));
  await requests.run("B", () => other.submit(say, "two"));
  assert.deepEqual(put.different, ["put in E"]);
});

test("what workers print is written in no request", async (t) => {
  await using executor = await makeExecutor();
  const steps = new Steps();
  const written = t.mock.method(process.stderr, "write", (chunk: unknown) => {
    if (String(chunk).includes("printed by the task")) steps.note("write");
    return true;
  });
  await requests.run("B", () => executor.submit(() => void process.stderr.write("printed by the task\n")));
  await waitUntil(() => steps.seen.length > 0, { what: "the line" });
  written.mock.restore();
  assert.deepEqual(steps.seen, ["write in no request"]);
});

test("no context is held when its task has ended, be it that of the first task of all", async () => {
  const contexts = new AsyncLocalStorage<object>();
  const executor = new ProcessTaskPoolExecutor({ maxWorkers: 2, graceMs: 100 });
  const kept: unknown[] = [];
  const submit = async (submission: (steps: Steps) => Promise<unknown>): Promise<WeakRef<object>> => {
    const context = { request: "A" };
    await contexts.run(context, () => submission(new Steps()));
    return new WeakRef(context);
  };
  const submissions: ((steps: Steps) => Promise<unknown>)[] = [
    // With both workers, so that there is a process, and signals are listened to, until the end.
    () => Promise.all([executor.submit(add, 1, 2), executor.warmUp()]),
    () => executor.with({ timeoutMs: 10_000 }).createProcessTask(async (x: number) => x, 1),
    (steps) => {
      // Not kept, as the next one: Node's own listener on a stream that was iterated holds its context (24 and later),
      // as does a web stream (Node 20).
      const stream = readable(steps, true);
      return executor.submit(drink, stream, 2);
    },
    (steps) => {
      const stream = webReadable(steps);
      return executor.submit(drink, stream, 2);
    },
    (steps) => {
      const stream = writable(steps);
      kept.push(stream);
      return executor.submit(fill, stream);
    },
    async () => {
      const stream = await executor.submit(() => process.getBuiltinModule("node:stream").Readable.from(["a"]));
      return drink(stream);
    },
    () => executor.submit(() => process.exit(1)).exception(),
    () => executor.map(add, [1, 2], [3, 4]).return(),
  ];
  const references: WeakRef<object>[] = [];
  for (const submission of submissions) references.push(await submit(submission));
  const held = (): number[] => {
    collectGarbage();
    return references.flatMap((reference, index) => (reference.deref() === undefined ? [] : [index]));
  };
  await waitUntil(() => held().length === 0, { what: "the contexts to go" }).catch(() => {});
  assert.deepEqual(held(), [], "the contexts of these submissions are held");
  assert.equal(await executor.submit(add, kept.length, 1), 2);
  await executor.shutdown();
});
