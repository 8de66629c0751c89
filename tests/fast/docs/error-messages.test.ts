/** What errors say: what happened, to which variable or task of the user's, and what to do, in short sentences. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { FunctionNotPicklableError } from "asynccpu";
import { ProcessTask } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { createSharedArray } from "asynccpu";
import { getLogger } from "asynccpu";
import { moduleTask } from "asynccpu";
import { registerClass } from "asynccpu";
import { terminateDescendantProcesses } from "asynccpu";

const id = (value: unknown): unknown => value;

async function messageOf(fail: () => unknown): Promise<string> {
  try {
    await fail();
  } catch (error) {
    assert.ok(error instanceof Error);
    return error.message;
  }
  throw new Error("Nothing was wrong.");
}

class Account {
  #cents = 1;
  get cents(): number {
    return this.#cents;
  }
}
class Table extends Map {}

/**
 * Calls that are wrong in one way each, and what their error says. Types are what they are in JavaScript: anything.
 */
function mistakes(executor: ProcessTaskPoolExecutor): readonly (readonly [() => unknown, RegExp])[] {
  const make = (options: object) => () => new ProcessTaskPoolExecutor(options);
  const submit = (fn: unknown) => () => executor.submit(fn as typeof id, 1);
  const pass = (value: unknown) => () => executor.submit(id, { parts: [value] });
  const wrong = (value: unknown): never => value as never;
  const buffer = new ArrayBuffer(8);
  const promise = Promise.resolve(1);
  const account = new Account();
  return [
    [make({ env: 5 }), /^Option "env" must be an object, but is 5\.$/],
    [make({ env: "" }), /^Option "env" must be an object, but is ""\.$/],
    [make({ maxTasksPerChild: 0 }), /^Option "maxTasksPerChild" must be an integer of at least 1, but is 0\.$/],
    [make({ drainMs: -1 }), /^Option "drainMs" must be an integer from 0 to 2147483647, but is -1\.$/],
    [make({ timeoutMs: 1 }), /^new ProcessTaskPoolExecutor\(\) has no option "timeoutMs"\. .*executor\.with\(\)\.$/],
    [submit("work"), /^A task needs a function, but was given "work"\. Pass the function and its arguments/],
    [submit(promise), /^A task needs a function, but was given a promise: the call already runs in this process\./],
    [() => executor.map(id, wrong(5)), /^map\(\) takes iterables after the function, but was given 5\. Pass an array/],
    [() => registerClass(wrong("x")), /^registerClass\(\) takes a class, but was given "x"\.$/],
    [() => registerClass(class {}), /^registerClass\(\) needs a name for this class: /],
    [() => registerClass(Account), /^Class Account can't be registered as it is, .*#cents\. Give it the static/],
    [() => registerClass(Table), /^Class Table can't be registered as it is, .*extends Map, .*\. Give it the static/],
    [
      () => moduleTask("./tasks.js"),
      /^moduleTask\(\) takes a URL or an absolute path, .*was given "\.\/tasks\.js"\.$/,
    ],
    [() => ProcessTask.for(0), /^ProcessTask\.for\(\) takes a process id, a positive integer, but was given 0\.$/],
    [() => ProcessTask.fromPlain({}), /^ProcessTask\.fromPlain\(\) takes what toPlain\(\) gave, but was given {}\.$/],
    [() => terminateDescendantProcesses(1.5, true), /^The pid must be the id of a process .* but is 1\.5\.$/],
    [() => createSharedArray(wrong(Array), 1), /^createSharedArray\(\) takes a class such as Float64Array first/],
    [() => createSharedArray(Int8Array, -1), /^The length of a shared Int8Array must be an integer from 0 .*is -1\.$/],
    [() => getLogger().setLevel(wrong("loud")), /^setLevel\(\) takes one of trace, .* but was given "loud"\.$/],
    [
      pass(new AbortController()),
      /^args\[0\]\.parts\[0\] can't be sent .*: it is an AbortController, .*pass its signal/,
    ],
    [pass(new EventTarget()), /it is an EventTarget, whose state belongs to this process\. Pass plain data/],
    [pass(Symbol("own")), /it is a symbol that only this process has: use Symbol\.for\(\)\./],
    [pass(new SharedArrayBuffer(8)), /which only threads can share: copy it into an ArrayBuffer/],
    [
      () => executor.with({ transfer: [buffer, buffer] }).submit(id, buffer),
      /^transfer\[1\] .* the list has it twice/,
    ],
    [submit(() => Symbol("own")), /^result can't be sent .*use Symbol\.for\(\)\. Give back plain data/],
    [submit(() => promise), /promise: a promise belongs to the process that made it\. Await it first/],
    [submit(() => account.cents), /account: it has private state \(#cents\) that can't be read .*\. Make it inside/],
    [submit(() => process.exit(3)), /exited with code 3 while it ran task .*\. If the task called process\.exit\(\)/],
  ];
}

/** What the style of the house forbids in a message. */
function checkEnglish(message: string): void {
  assert.doesNotMatch(
    message,
    /\.\.(?!\.)(?<!\.\.\.)|\ba [aeio]|\bis none\b|\bof which\b|\bso many\b|\bis \.$/,
    message,
  );
  for (const sentence of message.split(/\n|(?<=[.!?]) (?=[A-Z"'])/)) {
    const words = sentence.replaceAll(/\(.*?\)|`[^`]*`/g, "").split(/\s+/);
    assert.ok(words.length <= 30, `${words.length} words: ${sentence}`);
  }
}

test("the errors of common mistakes say what happened, to what, and what to do", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  for (const [fail, expected] of mistakes(executor)) {
    const message = await messageOf(fail);
    assert.match(message, expected);
    checkEnglish(message);
  }
});

test("an initializer's message keeps one full stop, with or without its own", async () => {
  for (const text of ["no model", "no model."]) {
    const initializer = (): never => {
      throw new Error(text);
    };
    await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, initializer });
    const message = await messageOf(() => executor.submit(id, 1));
    assert.match(
      message,
      /^The initializer failed in a worker process: no model\. The executor takes no more tasks\./,
    );
  }
});

test("a refused function names each variable in a line of its own", async () => {
  await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
  const first = Promise.resolve(1);
  const second = new WeakRef({});
  await assert.rejects(
    executor.submit(() => [first, second]),
    (error) => {
      assert.ok(error instanceof FunctionNotPicklableError);
      assert.equal(error.message.split("\n").length, 4);
      checkEnglish(error.message);
      return true;
    },
  );
});
