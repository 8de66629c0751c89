import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { it } from "node:test";

import { InvalidOptionError } from "../../../src/index.js";
import { NotSerializableError } from "../../../src/index.js";
import { ProcessPoolExecutor } from "../../../src/index.js";
import { decodeInstance } from "../../../src/index.js";
import { encodeInstance } from "../../../src/index.js";
import { registerClass } from "../../../src/index.js";
import { decodeValue } from "../../../src/values/codec.js";
import { encodeValue } from "../../../src/values/codec.js";
import { Circle } from "../../fixtures/value-modules/shapes.js";

class Point {
  x: number;
  y: number;
  next?: Point;

  constructor(x: number, y: number) {
    this.x = x;
    this.y = y;
  }

  get length(): number {
    return Math.hypot(this.x, this.y);
  }

  plus(other: Point): Point {
    return new Point(this.x + other.x, this.y + other.y);
  }
}

/** Private state, so hooks; met without a registration. */
class Account {
  readonly #cents: bigint;
  readonly owner: unknown;

  constructor(cents: bigint, owner: unknown) {
    this.#cents = cents;
    this.owner = owner;
  }

  get cents(): bigint {
    return this.#cents;
  }

  static [encodeInstance](account: Account): unknown {
    return [account.#cents, account.owner];
  }

  static [decodeInstance](plain: unknown): Account {
    const [cents, owner] = plain as [bigint, unknown];
    return new this(cents, owner);
  }
}

class SavingsAccount extends Account {
  get isSavings(): boolean {
    return true;
  }
}

class Missing extends Error {
  override readonly name = "Missing";
  readonly what: string;

  constructor(what: string) {
    super(`${what} is missing`);
    this.what = what;
  }
}

class Tags extends Map<string, number> {
  static [encodeInstance](tags: Tags): unknown {
    return [...tags];
  }

  static [decodeInstance](plain: unknown): Tags {
    return new Tags(plain as [string, number][]);
  }
}

class a {
  value = 1;
}

registerClass(Point);
registerClass(Circle);
registerClass(Missing);
registerClass(a, { name: "test.Minified" });

const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
after(() => executor.shutdown());

function send<T>(value: T): T {
  return decodeValue(encodeValue(value, "result")) as T;
}

describe("instances of a registered class", () => {
  it("arrive in a task and come back as instances; one registration in the parent is enough", async () => {
    const sum = await executor.submit(
      (first: Point, second: Point) => {
        if (!(first instanceof Point)) throw new Error("no instance");
        return { sum: first.plus(second), length: first.length };
      },
      new Point(3, 4),
      new Point(1, 1),
    );
    assert.ok(sum.sum instanceof Point);
    assert.deepEqual([sum.sum.x, sum.sum.y, sum.length], [4, 5, 5]);
  });

  it("arrive although the task doesn't name the class", async () => {
    const [name, length] = await executor.submit(
      (point: { readonly length: number }) => [point.constructor.name, point.length],
      new Point(3, 4),
    );
    assert.deepEqual([name, length], ["Point", 5]);
    assert.ok((await executor.submit((value: unknown) => value, new Point(1, 2))) instanceof Point);
  });

  it("come from a task that has none as argument", async () => {
    const made = await executor.submit(() => [new Point(1, 2), new Circle(2)] as const);
    assert.ok(made[0] instanceof Point && made[1] instanceof Circle);
    assert.equal(made[1].area, Math.PI * 4);
  });

  it("are of one class in a worker, whatever brings it", async () => {
    const one = await executor.submit((value: Point) => value instanceof Point, new Point(1, 1));
    const other = await executor.submit(
      (value: Point) => [value instanceof Point, value.plus(value)],
      new Point(1, 1),
    );
    assert.equal(one, true);
    assert.equal((other as unknown[])[0], true);
  });

  it("keep cycles and shared references, and no constructor runs", () => {
    const point = new Point(1, 2);
    point.next = point;
    const arrived = send({ point, list: [point, new Map([[point, new Set([point])]])] });
    assert.equal(arrived.point.next, arrived.point);
    assert.equal(arrived.list[0], arrived.point);
    assert.ok((arrived.list[1] as Map<Point, Set<Point>>).get(arrived.point)?.has(arrived.point));
  });

  it("of a class that both sides import arrive as that", async () => {
    const isCircle = await executor.submit((circle: Circle) => circle instanceof Circle, new Circle(1));
    assert.equal(isCircle, true);
  });

  it("are found by the name that was given", async () => {
    assert.ok((await executor.submit((value: a) => value, new a())) instanceof a);
    const bytes = Buffer.from(encodeValue(new a(), "result")).toString("latin1");
    assert.match(bytes, /test\.Minified/);
  });

  it("of an error class are thrown as what they are", async () => {
    const error: unknown = await executor
      .submit((what: string) => {
        throw new Missing(what);
      }, "the key")
      .catch((thrown: unknown) => thrown);
    assert.ok(error instanceof Missing);
    assert.equal(error.what, "the key");
    assert.match(error.stack ?? "", /submitted from/);
  });

  it("of subclasses that are not registered arrive as plain objects, as without", () => {
    class Point3 extends Point {
      z = 3;
    }
    assert.deepStrictEqual<unknown>(send(new Point3(1, 2)), { x: 1, y: 2, next: undefined, z: 3 });
  });
});

describe("instances of a class with hooks", () => {
  it("bring their private state, in arguments and results", async () => {
    const richer = await executor.submit(
      (account: Account, more: bigint) => new Account(account.cents + more, account.owner),
      new Account(5n, new Point(1, 2)),
      7n,
    );
    assert.ok(richer instanceof Account);
    assert.equal(richer.cents, 12n);
    assert.ok(richer.owner instanceof Point);
  });

  it("bring it as captured variables", async () => {
    const account = new Account(9n, "me");
    assert.deepEqual(await executor.submit(() => [account instanceof Account, account.cents, account.owner]), [
      true,
      9n,
      "me",
    ]);
  });

  it("inherit the hooks, and keep the class of the instance", async () => {
    const back = await executor.submit(
      (account: SavingsAccount) => {
        if (!account.isSavings) throw new Error("not the subclass");
        return account;
      },
      new SavingsAccount(1n, undefined),
    );
    assert.ok(back instanceof SavingsAccount);
    assert.equal(back.cents, 1n);
  });

  it("may extend what is built in", async () => {
    const back = await executor.submit((tags: Tags) => new Tags([...tags, ["b", 2]]), new Tags([["a", 1]]));
    assert.ok(back instanceof Tags);
    assert.deepEqual(
      [...back],
      [
        ["a", 1],
        ["b", 2],
      ],
    );
  });

  it("are refused with path and cause when the hook throws, or when they hold themselves", () => {
    class Broken {
      static [encodeInstance](): unknown {
        throw new RangeError("no");
      }
      static [decodeInstance](): Broken {
        return new Broken();
      }
    }
    assert.throws(
      () => send({ list: [new Broken()] }),
      (error: unknown) => {
        assert.ok(error instanceof NotSerializableError);
        assert.equal(error.path, "result.list[0]");
        assert.ok(error.cause instanceof RangeError);
        return true;
      },
    );
    const holder: { account?: Account } = {};
    holder.account = new Account(1n, [holder]);
    const arrived = send(holder);
    assert.deepEqual(arrived.account?.owner, [arrived]);
    const owner: unknown[] = [];
    const loop = new Account(1n, owner);
    owner.push(loop);
    assert.throws(() => send(loop), /holds itself/);
  });
});

describe("registerClass", () => {
  it("refuses what can't work, and says why", () => {
    class Secret {
      readonly #value = 1;
      get value(): number {
        return this.#value;
      }
    }
    class Derived extends Secret {}
    class PrivateMethod {
      value = this.#compute();
      #compute(): number {
        return 1;
      }
    }
    class StaticSecret {
      static readonly #count = 1;
      static get count(): number {
        return StaticSecret.#count;
      }
    }
    const cases: [unknown, RegExp][] = [
      [Secret, /Secret has the private member #value.*|encodeInstance/],
      [Derived, /Secret has the private member #value/],
      [PrivateMethod, /#compute/],
      [class extends Map {}, /extends Map|name/],
      [class Named extends Uint8Array {}, /extends Uint8Array/],
      [new Proxy(Point, {}), /Proxy/],
      [{}, /takes a class/],
      [undefined, /takes a class/],
      [() => 1, /takes a class/],
    ];
    for (const [value, message] of cases) {
      assert.throws(
        () => registerClass(value as typeof Point),
        (error: unknown) => {
          assert.ok(error instanceof InvalidOptionError, String(error));
          assert.match(error.message, message);
          return true;
        },
      );
    }
    assert.throws(() => registerClass(class {}), /name/);
    registerClass(StaticSecret);
  });

  it("gives a name to the newest class, and to a class the newest name", () => {
    const makeClass = (): new () => { value: number } =>
      class Twin {
        value = 1;
      };
    const [First, Second] = [makeClass(), makeClass()];
    registerClass(First);
    registerClass(Second);
    assert.ok(send(new Second()) instanceof Second);
    assert.equal(send(new First()) instanceof First, false);
    registerClass(First, { name: "First" });
    assert.ok(send(new First()) instanceof First);
    assert.ok(send(new Second()) instanceof Second);
  });

  it("takes no part in what a plain object is", () => {
    assert.throws(() => registerClass(Object, { name: "" }), InvalidOptionError);
    const arrived = send({ name: "Point", x: 1 });
    assert.equal(Object.getPrototypeOf(arrived), Object.prototype);
  });
});

describe("an encoded instance", () => {
  it("of a class that is not registered here is an error that says so", () => {
    const bytes = Buffer.from(
      Buffer.from(encodeValue(new Point(1, 2), "result"))
        .toString("latin1")
        .replace("Point", "Joint"),
      "latin1",
    );
    assert.throws(() => decodeValue(bytes), /No class "Joint" is registered/);
  });

  it("can't name its way to other classes or prototypes", () => {
    for (const name of ["Array", "Proxy", "props", "Class"]) {
      const text = Buffer.from(encodeValue(new Point(1, 2), "result")).toString("latin1");
      const forged = text.replace(`${String.fromCharCode(5)}Point`, String.fromCharCode(name.length) + name);
      assert.throws(() => decodeValue(Buffer.from(forged, "latin1")), /No class/);
    }
    const point = new Point(1, 2);
    Object.defineProperty(point, "__proto__", { value: { polluted: true }, enumerable: true });
    const arrived = send(point);
    assert.equal(Object.getPrototypeOf(arrived), Point.prototype);
    assert.ok(Object.hasOwn(arrived, "__proto__"));
    assert.equal(Reflect.get({}, "polluted"), undefined);
  });
});
