/** Classes that travel by value. */

import { deepStrictEqual } from "node:assert/strict";
import { strictEqual } from "node:assert/strict";
import { EventEmitter } from "node:events";
import { after } from "node:test";
import { describe } from "node:test";
import { it } from "node:test";

import { PickleChild } from "../../fixtures/pickle-child/pickle-child.js";

const BASE = 10;

function addBase(x: number): number {
  return x + BASE;
}

class Animal {
  static readonly kingdom = `k${addBase(1)}`;
  static created = 0;
  #name: string;

  constructor(name: string) {
    this.#name = name;
    Animal.created += 1;
  }

  get name(): string {
    return this.#name;
  }

  speak(): string {
    return `${this.name} makes a noise`;
  }
}

class Dog extends Animal {
  override speak(): string {
    return `${super.speak()}: woof ${BASE}`;
  }

  static create(name: string): Dog {
    return new Dog(name);
  }
}

const withTag = (Base: new () => object) =>
  class extends Base {
    tag = `tag ${BASE}`;
  };
class Tagged extends withTag(Object) {
  all = "all";
}

class Emitter extends EventEmitter {
  shout(): boolean {
    return this.emit("shout");
  }
}

describe("a class of the main module", () => {
  const child = new PickleChild();
  after(() => child.end());

  it("brings private fields, accessors, statics and its superclass", async () => {
    Animal.created = 3;
    const fn = (): unknown[] => [
      new Dog("Rex").speak(),
      Dog.create("Max").name,
      Animal.kingdom,
      Animal.created,
      new Dog("Rex") instanceof Animal,
    ];
    deepStrictEqual(await child.call(fn), ["Rex makes a noise: woof 10", "Max", "k11", 5, true]);
  });

  it("may extend what a function gave, or a class of a module", async () => {
    const fn = (): unknown => {
      const tagged = new Tagged() as Tagged & { tag: string };
      return [tagged.tag, tagged.all, new Emitter().shout()];
    };
    deepStrictEqual(await child.call(fn), ["tag 10", "all", false]);
  });

  it("lends its prototype to captured instances", async () => {
    class Point {
      x: number;
      constructor(x: number) {
        this.x = x;
      }
      scaled(): number {
        return this.x * BASE;
      }
    }
    const points = [new Point(1), new Point(2)];
    const fn = (): unknown => points.map((each) => [each.scaled(), each instanceof Point]);
    deepStrictEqual(await child.call(fn), [
      [10, true],
      [20, true],
    ]);
  });

  it("sends a method with super or private names through its class", async () => {
    class Secret {
      static #key = 3;
      static open(x: number): number {
        return Secret.#key + x;
      }
    }
    strictEqual(await child.call(Secret.open, 4), 7);
  });

  it("may be an old-style constructor function", async () => {
    interface Old {
      value: number;
    }
    function OldStyle(this: Old, value: number): void {
      this.value = value;
    }
    (OldStyle.prototype as Record<string, unknown>)["double"] = function (this: Old): number {
      return this.value * 2;
    };
    const Constructor = OldStyle as unknown as new (value: number) => { double: () => number };
    strictEqual(await child.call(() => new Constructor(21).double()), 42);
  });
});
