/** What a program has given to functions and classes after these were made: members, properties and prototypes. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { test } from "node:test";

import { ProcessTaskPoolExecutor } from "asynccpu";

const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });

after(() => executor.shutdown());

/** Submits a function whose result must be what it is here. */
async function check(fn: () => unknown): Promise<void> {
  assert.deepEqual(await executor.submit(fn), fn());
}

type Anything = Record<PropertyKey, unknown>;
type Constructor = (new () => Anything) & Anything;

function makeNamed(): Constructor {
  class Named {
    name(): number {
      return 1;
    }
    get length(): number {
      return 1;
    }
    static name(): number {
      return 1;
    }
    static get length(): number {
      return 1;
    }
  }
  return Named as unknown as Constructor;
}

const members: readonly ((Named: Constructor) => void)[] = [
  (Named) => void ((Named.prototype as Anything)["name"] = () => 2),
  (Named) => void Object.defineProperty(Named.prototype, "length", { get: () => 2 }),
  (Named) => void Object.assign(Named, { name: () => 2 }),
  (Named) => void Object.defineProperty(Named, "length", { get: () => 2 }),
];

for (const [index, change] of members.entries()) {
  test(`a replaced member called name or length is noticed: change ${index}`, async () => {
    const Named = makeNamed();
    const read = (): unknown[] => {
      const call = (value: unknown): unknown => (typeof value === "function" ? (value as () => unknown)() : value);
      const made = new Named();
      return [made["name"], made["length"], Named.name, Named.length].map((each) => call(each));
    };
    await check(read);
    const before = read();
    change(Named);
    assert.notDeepEqual(read(), before);
    await check(read);
  });
}

test("a function inherits from what Object.setPrototypeOf has made its parent, as in what compilers make of classes", async () => {
  function Animal(this: Anything): void {
    this["legs"] = 4;
  }
  Animal.of = function (this: new () => unknown): unknown {
    return new this();
  };
  (Animal.prototype as Anything)["speak"] = () => "...";
  function Dog(this: Anything): void {
    Animal.call(this);
  }
  Object.setPrototypeOf(Dog, Animal);
  const constructor = { value: Dog, writable: true, configurable: true };
  Dog.prototype = Object.create(Animal.prototype as object, { constructor }) as object;
  const Made = Dog as unknown as { of: () => { legs: number; speak: () => string } };
  await check(() => [
    Made.of().legs,
    Made.of().speak(),
    Made.of() instanceof Animal,
    Object.getPrototypeOf(Made) === Animal,
  ]);
  const orphan = (): void => {};
  Object.setPrototypeOf(orphan, null);
  const kinds = [async () => {}, function* () {}, async function* () {}, () => {}];
  await check((): unknown[] => [
    Object.getPrototypeOf(orphan),
    ...kinds.map((each) => Object.prototype.toString.call(Object.getPrototypeOf(each))),
  ]);
});

test("so it does when that happens after the first submission", async () => {
  const helper = (): number => 1;
  const read = (): unknown => [Reflect.get(helper, "unit"), typeof helper.call];
  await check(read);
  Object.setPrototypeOf(helper, Object.create(Function.prototype, { unit: { value: "kg" } }) as object);
  await check(read);
});

test("the prototype of a class inherits from what Object.setPrototypeOf has made its parent", async () => {
  class Base {
    value(): number {
      return 77;
    }
  }
  const makers = [
    () => class {},
    () => class extends Base {},
    () => class extends Map {},
    () => class extends Array {},
  ];
  for (const make of makers) {
    const Made = make() as unknown as Constructor;
    const read = (): unknown[] => {
      const value = (Made.prototype as Anything)["value"] as (() => unknown) | undefined;
      return [value?.(), Object.getPrototypeOf(Object.getPrototypeOf(Made.prototype)) === null];
    };
    await check(read);
    Object.setPrototypeOf(Made.prototype, { value: () => 88 });
    assert.equal(read()[0], 88);
    await check(read);
  }
});

test("a class inherits from what it has been given as parent, also where its source names another", async () => {
  class Other {
    static unit = "kg";
  }
  const Lists = class extends Array {};
  const Plain = class {};
  for (const Made of [Lists, Plain]) {
    const read = (): unknown => [Reflect.get(Made, "unit"), Array.isArray(new Made())];
    await check(read);
    Object.setPrototypeOf(Made, Other);
    await check(read);
  }
});

test("bound functions have the properties that they were given", async () => {
  const double = (x: number): number => 2 * x;
  const bound = Object.assign(double.bind(null, 7), { limit: 9 });
  await check(() => [bound(), bound.limit, bound.name, bound.length]);
  const later = double.bind(null, 8);
  const read = (): unknown[] => [later(), Reflect.get(later, "limit")];
  await check(read);
  Object.assign(later, { limit: 10 });
  await check(read);
  const frozen = Object.freeze(double.bind(null, 7));
  await check(() => Object.isFrozen(frozen));
});

test("methods have the properties that they were given, those that can't leave their class as well", async () => {
  class Base {
    hello(): string {
      return "hello";
    }
  }
  class Given extends Base {
    static #count = 3;
    static count(): number {
      return Given.#count;
    }
    override hello(): string {
      return `${super.hello()}!`;
    }
    get kind(): string {
      return "given";
    }
    [Symbol.toPrimitive](): string {
      return "primitive";
    }
  }
  const { prototype } = Given as unknown as { prototype: Record<PropertyKey, () => unknown> };
  const read = (): unknown[] => [
    new Given().hello(),
    Given.count(),
    new Given().kind,
    Reflect.get(prototype["hello"] as object, "meta"),
    Reflect.get(Given.count, "meta"),
    Reflect.get(Object.getOwnPropertyDescriptor(prototype, "kind")?.get as object, "meta"),
    Reflect.get(prototype[Symbol.toPrimitive] as object, "meta"),
  ];
  await check(read);
  Object.assign(prototype["hello"] as object, { meta: { level: 5 } });
  await check(read);
  Object.assign(Given.count, { meta: 6 });
  Object.assign(Object.getOwnPropertyDescriptor(prototype, "kind")?.get as object, { meta: 7 });
  Object.assign(prototype[Symbol.toPrimitive] as object, { meta: 8 });
  await check(read);
  const { count } = Given;
  await check((): unknown[] => [count(), Reflect.get(count, "meta"), count === Given.count]);
});

test("a method of another class of the same factory is known as such", async () => {
  let made = 0;
  const make = (tag: string) =>
    class Tagged {
      readonly own = made++;
      who(): string {
        return tag;
      }
      get kind(): string {
        return `kind ${tag}`;
      }
      static create(): Tagged {
        return new Tagged();
      }
    };
  const [First, Second] = [make("x"), make("y")];
  const read = (): unknown[] => [new First().who(), new First().kind, First.create() instanceof First];
  await check(read);
  First.prototype.who = Second.prototype.who;
  await check(read);
  const kind = Object.getOwnPropertyDescriptor(Second.prototype, "kind") ?? {};
  Object.defineProperty(First.prototype, "kind", kind);
  await check(read);
  First.create = Second.create;
  assert.deepEqual(read(), ["y", "kind y", false]);
  await check(read);
});

test("so is a method of the same text that was written elsewhere", async () => {
  const here = (() => {
    const unit = "here";
    return class {
      who(): string {
        return unit;
      }
    };
  })();
  const there = (() => {
    const unit = "there";
    return class {
      who(): string {
        return unit;
      }
    };
  })();
  const read = (): unknown => new here().who();
  await check(read);
  here.prototype.who = there.prototype.who;
  await check(read);
});

test("a hidden second name of a computed method is another property", async () => {
  const key = "computed";
  const symbol = Symbol.for("asynccpu.test.given");
  class Aliased {
    [key](): string {
      return key;
    }
    [symbol](): string {
      return "symbol";
    }
    get [Symbol.toStringTag](): string {
      return "tag";
    }
  }
  const prototype = Aliased.prototype as unknown as Record<PropertyKey, () => unknown>;
  Object.defineProperty(prototype, "alias", { value: prototype[key], enumerable: false });
  await check(() => [
    prototype["alias"]?.(),
    prototype[key]?.(),
    prototype[symbol]?.(),
    Object.prototype.toString.call(prototype),
  ]);
  await check(() => Reflect.ownKeys(prototype).length);
});
