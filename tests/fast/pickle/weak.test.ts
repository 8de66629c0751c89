import assert from "node:assert/strict";
import { test } from "node:test";

import { ProcessTaskPoolExecutor } from "asynccpu";
import { registerClass } from "asynccpu";

const secrets = new WeakMap<object, { balance: number }>();
const instances = new WeakSet<object>();

/** What compilers make of `#private` members for targets before ES2022. */
class Account {
  constructor(balance: number) {
    instances.add(this);
    secrets.set(this, { balance });
  }

  get balance(): number {
    if (!instances.has(this)) throw new TypeError("Cannot read private member from an object of another class");
    return secrets.get(this)?.balance ?? Number.NaN;
  }

  deposit(amount: number): number {
    const secret = secrets.get(this);
    if (secret !== undefined) secret.balance += amount;
    return this.balance;
  }
}

const account = new Account(5);
const notes = new WeakMap<object, unknown>();
const key = { name: "key" };

function inPool<T>(body: (executor: ProcessTaskPoolExecutor) => Promise<T>): () => Promise<void> {
  return async () => {
    const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
    try {
      await body(executor);
    } finally {
      await executor.shutdown();
    }
  };
}

test(
  "an instance whose private state is in a WeakMap travels with it, and keeps its own in the worker",
  inPool(async (executor) => {
    assert.equal(await executor.createProcessTask(() => account.balance), 5);
    assert.equal(await executor.createProcessTask(() => account.deposit(2)), 7);
    assert.equal(await executor.createProcessTask(() => account.balance), 7);
    account.deposit(10);
    assert.equal(await executor.createProcessTask(() => account.balance), 15);
    account.deposit(-10);
  }),
);

test(
  "a task makes instances of such a class",
  inPool(async (executor) => {
    assert.equal(await executor.createProcessTask(() => new Account(3).deposit(1)), 4);
  }),
);

test(
  "a later submission adds entries to the worker's WeakMap",
  inPool(async (executor) => {
    const first = new Account(1);
    assert.equal(await executor.createProcessTask(() => first.balance), 1);
    const second = new Account(2);
    assert.deepEqual(await executor.createProcessTask(() => [first.balance, second.balance]), [1, 2]);
  }),
);

test(
  "an entry that the program sets later is seen, one that a task sets stays",
  inPool(async (executor) => {
    const read = (): unknown => notes.get(key);
    assert.equal(await executor.createProcessTask(read), undefined);
    notes.set(key, "program");
    assert.equal(await executor.createProcessTask(read), "program");
    await executor.createProcessTask(() => void notes.set(key, "task"));
    assert.equal(await executor.createProcessTask(read), "task");
    notes.delete(key);
  }),
);

test(
  "what the value of an entry brings is asked for, too",
  inPool(async (executor) => {
    const parents = new WeakMap<object, object>();
    const [child, parent, grandparent] = [{ n: 1 }, { n: 2 }, { n: 3 }];
    parents.set(child, parent).set(parent, grandparent).set(grandparent, child).set({}, { n: 9 });
    const walk = (): number[] => {
      const seen: number[] = [];
      let at: { n: number } | undefined = child;
      while (at !== undefined && seen.length < 4) {
        seen.push(at.n);
        at = parents.get(at) as { n: number } | undefined;
      }
      return seen;
    };
    assert.deepEqual(await executor.createProcessTask(walk), [1, 2, 3, 1]);
  }),
);

test(
  "functions, classes and what the worker imports are keys as well",
  inPool(async (executor) => {
    const helper = (): number => 1;
    const meta = new WeakMap<object, string>([
      [helper, "function"],
      [Account, "class"],
      [assert, "import"],
    ]);
    const task = (): (string | undefined)[] => [helper, Account, assert].map((each) => meta.get(each));
    assert.deepEqual(await executor.createProcessTask(task), ["function", "class", "import"]);
  }),
);

test(
  "an entry that can't travel is refused by the name of its WeakMap",
  inPool(async (executor) => {
    const handles = new WeakMap<object, object>([[key, Promise.resolve()]]);
    await assert.rejects(
      executor.createProcessTask(() => handles.get(key)),
      /handles\.get\(\.\.\.\): a promise belongs to the process that made it/,
    );
  }),
);

test(
  "arguments and results bring the entries whose keys are among them",
  inPool(async (executor) => {
    const sizes = new WeakMap<object, unknown>();
    const marked = new WeakSet<object>();
    const [a, b] = [{ name: "a" }, ["b"]];
    sizes.set(a, { of: b }).set(b, 2);
    sizes.set({ name: "nobody's" }, 3);
    marked.add(b);
    const task = (map: WeakMap<object, unknown>, set: WeakSet<object>, x: object, y: object): unknown[] => {
      const held = map.get(x) as { of: object };
      return [held.of === y, map.get(y), set.has(x), set.has(y)];
    };
    assert.deepEqual(await executor.createProcessTask(task, sizes, marked, a, b), [true, 2, false, true]);
    const only = (map: WeakMap<object, unknown>, x: object): unknown => map.get((map.get(x) as { of: object }).of);
    assert.equal(await executor.createProcessTask(only, sizes, a), 2);
    const result = await executor.createProcessTask(() => {
      const made = { n: 1 };
      return { made, map: new WeakMap([[made, "value"]]) };
    });
    assert.equal(result.map.get(result.made), "value");
  }),
);

test(
  "instances of a registered class bring their private state there and back, though it is in a WeakMap of the class",
  inPool(async (executor) => {
    registerClass(Account);
    assert.equal(await executor.createProcessTask((given: Account) => given.deposit(1), new Account(41)), 42);
    const back = await executor.createProcessTask((given: Account) => {
      given.deposit(1);
      return [given, new Account(7)] as const;
    }, new Account(1));
    assert.ok(back[0] instanceof Account && back[1] instanceof Account);
    assert.deepEqual([back[0].balance, back[1].balance], [2, 7]);
  }),
);
