import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { it } from "node:test";

import { ProcessTaskPoolExecutor } from "asynccpu";
import { decodeInstance } from "asynccpu";
import { encodeInstance } from "asynccpu";
import { registerClass } from "asynccpu";

import { makeStamp } from "../../fixtures/value-modules/stamps.js";

// One worker, so that what one task brings is there for the next.
const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
after(() => executor.shutdown());

let scale = 2;
class Scaled {
  readonly x: number;

  constructor(x: number) {
    this.x = x;
  }

  get scaled(): number {
    return this.x * scale;
  }
}
registerClass(Scaled);

const options = { step: 1 };
class Stepper {
  static extra?: number;

  get step(): number {
    return options.step;
  }

  name(): string {
    return "own";
  }
}
registerClass(Stepper);

let rate = 1;
class Money {
  readonly #cents: number;

  constructor(cents: number) {
    this.#cents = cents;
  }

  get rated(): number {
    return this.#cents * rate;
  }

  static [encodeInstance](money: Money): unknown {
    return money.#cents;
  }

  static [decodeInstance](plain: unknown): Money {
    return new this(plain as number);
  }
}

let hits = 0;
const log: string[] = [];
class Counter {
  hit(): number {
    log.push("hit");
    return ++hits;
  }
}
registerClass(Counter);

class Base {}
class Derived extends Base {}
registerClass(Derived);

describe("a class that was sent before", () => {
  it("is sent anew when a variable of it has changed", async () => {
    const use = (): number => new Scaled(3).scaled;
    const useArgument = (value: Scaled): unknown => [value instanceof Scaled, value.scaled];
    const useUnnamed = (value: { readonly scaled: number }): number => value.scaled;
    for (const [next, expected] of [
      [2, 6],
      [10, 30],
      [2, 6],
    ] as const) {
      scale = next;
      assert.equal(await executor.submit(use), expected);
      assert.equal(await executor.submit(useUnnamed, new Scaled(3)), expected);
      assert.deepEqual(await executor.submit(useArgument, new Scaled(3)), [true, expected]);
    }
  });

  it("is sent anew when an object of it, a method or a static member has changed", async () => {
    const use = (): unknown => [new Stepper().step, new Stepper().name(), Stepper.extra];
    const useArgument = (value: Stepper): unknown => [value.step, value.name()];
    assert.deepEqual(await executor.submit(use), [1, "own", undefined]);
    options.step = 2;
    assert.deepEqual(await executor.submit(use), [2, "own", undefined]);
    const own = Object.getOwnPropertyDescriptor(Stepper.prototype, "name") ?? {};
    Stepper.prototype.name = () => "patched";
    Stepper.extra = 1;
    assert.deepEqual(await executor.submit(use), [2, "patched", 1]);
    assert.deepEqual(await executor.submit(useArgument, new Stepper()), [2, "patched"]);
    Object.defineProperty(Stepper.prototype, "name", own);
    delete Stepper.extra;
    assert.deepEqual(await executor.submit(use), [2, "own", undefined]);
    assert.deepEqual(await executor.submit(useArgument, new Stepper()), [2, "own"]);
  });

  it("is sent anew when it has hooks", async () => {
    const use = (money: Money): unknown => [money instanceof Money, money.rated];
    assert.deepEqual(await executor.submit(use, new Money(5)), [true, 5]);
    rate = 3;
    assert.deepEqual(await executor.submit(use, new Money(5)), [true, 15]);
  });

  it("shares variables and objects with all functions of its module", async () => {
    const read = (): number => hits;
    assert.equal(await executor.submit(() => new Counter().hit()), 1);
    const first = (): unknown => [new Counter().hit(), read(), log.length];
    const second = (counter: Counter): unknown => [counter instanceof Counter, counter.hit(), read(), log.length];
    assert.deepEqual(await executor.submit(first), [2, 2, 2]);
    assert.deepEqual(await executor.submit(second, new Counter()), [true, 3, 3, 3]);
    assert.deepEqual(await executor.submit(first), [4, 4, 4]);
    assert.deepEqual(await executor.submit(second, new Counter()), [true, 5, 5, 5]);
  });

  it("is that of the functions that are passed with its instances", async () => {
    const call = <T>(fn: (counter: Counter) => T, counter: Counter): T => fn(counter);
    const first = (counter: Counter): unknown => [counter instanceof Counter, log.length < 100];
    const second = (counter: Counter): unknown => [counter instanceof Counter, log.length < 1000];
    for (const fn of [first, second, first, second]) {
      assert.deepEqual(await executor.submit(call, fn, new Counter()), [true, true]);
      assert.deepEqual(await executor.submit(fn, new Counter()), [true, true]);
    }
  });

  it("is that of the worker's module, where this registers it", async () => {
    const stamp = makeStamp(1);
    const look = (value: object): unknown => [value.constructor === makeStamp(2).constructor, makeStamp(3)];
    const [isSame, made] = (await executor.submit(look, stamp)) as unknown[];
    assert.equal(isSame, true);
    assert.equal((made as object).constructor, stamp.constructor);
  });

  it("extends the class that comes with it", async () => {
    assert.equal(await executor.submit(() => new Derived() instanceof Derived), true);
    const look = (value: object): unknown => [value instanceof Base, value instanceof Derived];
    assert.deepEqual(await executor.submit(look, new Derived()), [true, true]);
    assert.equal(await executor.submit(() => [new Derived() instanceof Base][0]), true);
  });

  it("is known by its name in every version, when it comes back", async () => {
    const make = (): Scaled => new Scaled(scale);
    scale = 3;
    assert.ok((await executor.submit(make)) instanceof Scaled);
    // The function has the version of its first submission, while the worker knows another by now.
    const kept = executor.submit(make);
    scale = 4;
    const [old, back] = await Promise.all([kept, executor.submit(make), executor.submit(make)]);
    assert.ok(old instanceof Scaled && back instanceof Scaled);
    assert.deepEqual([old.x, back.x], [3, 4]);
  });

  it("is the same for other functions while nothing changes", async () => {
    const holder = globalThis as { keptClass?: unknown };
    await executor.submit(() => (holder.keptClass = 0));
    const one = await executor.submit((value: Scaled) => {
      (globalThis as { keptClass?: unknown }).keptClass = value.constructor;
      return value instanceof Scaled;
    }, new Scaled(1));
    const other = await executor.submit(
      (value: object) => (globalThis as { keptClass?: unknown }).keptClass === value.constructor,
      new Scaled(1),
    );
    const third = await executor.submit(() => (globalThis as { keptClass?: unknown }).keptClass === Scaled);
    assert.deepEqual([one, other, third], [true, true, true]);
  });
});

describe("classes of one name", () => {
  it("arrive each as what they are when they have hooks", async () => {
    const makeBox = (tag: string) =>
      class Box {
        readonly #value: number;

        constructor(value: number) {
          this.#value = value;
        }

        get text(): string {
          return `${tag}${this.#value}`;
        }

        static [encodeInstance](box: Box): unknown {
          return box.#value;
        }

        static [decodeInstance](plain: unknown): Box {
          return new this(plain as number);
        }
      };
    const boxes = ["a", "b", "c"].map(makeBox).map((Box) => new Box(1));
    for (const [place, box] of boxes.entries()) {
      const text = `${"abc"[place]}1`;
      assert.equal(await executor.submit((value: { readonly text: string }) => value.text, box), text);
      assert.equal(await executor.submit(() => box.text), text);
      const back = await executor.submit((value: object) => value, box);
      assert.equal(back.constructor, box.constructor);
    }
    const texts = await executor.submit(
      (...values: { readonly text: string }[]) => values.map((each) => each.text),
      ...boxes,
    );
    assert.deepEqual(texts, ["a1", "b1", "c1"]);
  });
});

describe("a class that is registered late", () => {
  it("is seen by a function that was submitted before", async () => {
    class Late {}
    const make = (): Late => new Late();
    assert.equal((await executor.submit(make)).constructor, Object);
    registerClass(Late);
    assert.equal((await executor.submit(make)).constructor, Late);
  });
});
