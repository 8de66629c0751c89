/** Classes and what belongs to them. */

import { functionCase } from "./case.ts";
import type { FunctionCase } from "./case.ts";

const SIDES = { square: 4, triangle: 3 } as const;

class Shape {
  static made = 0;
  static readonly names: string[] = [];
  readonly name: keyof typeof SIDES;

  static {
    this.names.push("static block");
  }

  constructor(name: keyof typeof SIDES) {
    Shape.made += 1;
    this.name = name;
  }

  static of(name: keyof typeof SIDES): Shape {
    return new this(name);
  }

  static sidesOf(name: keyof typeof SIDES): number {
    return SIDES[name];
  }

  get sides(): number {
    return SIDES[this.name];
  }

  describe(): string {
    return `${this.name} of ${this.sides}`;
  }
}

class Coloured extends Shape {
  colour = "red";
  #secret = 7;
  static #count = 0;

  constructor(name: keyof typeof SIDES) {
    super(name);
    Coloured.#count += 1;
  }

  static get count(): number {
    return Coloured.#count;
  }

  static override sidesOf(name: keyof typeof SIDES): number {
    return super.sidesOf(name) * 100;
  }

  override describe(): string {
    return `${this.colour} ${super.describe()} ${this.#secret}${this.#double()}`;
  }

  #double(): number {
    return this.#secret * 2;
  }

  has(other: object): boolean {
    return #secret in other;
  }

  static firstWord(text: string): string {
    return Coloured.#split(text)[0] ?? "";
  }

  static #split(text: string): string[] {
    return text.split(" ");
  }
}

const Named = class Inner {
  static own(): boolean {
    return Inner === Named;
  }
};

function mixin<T extends new (...args: any[]) => object>(Base: T) {
  return class Mixed extends Base {
    mixed(): string {
      return `mixed ${SIDES.square}`;
    }
  };
}
const MixedShape = mixin(Shape as new (...args: any[]) => Shape) as unknown as new (
  name: keyof typeof SIDES,
) => Shape & { mixed(): string };

class Failure extends Error {
  readonly detail: number;
  constructor(detail: number, options?: ErrorOptions) {
    super(`failed with ${detail}`, options);
    this.name = "Failure";
    this.detail = detail;
  }
}

class Stack<T> extends Array<T> {
  get top(): T | undefined {
    return this.at(-1);
  }
}

class Countdown implements Iterable<number> {
  readonly from: number;
  constructor(from: number) {
    this.from = from;
  }
  *[Symbol.iterator](): Generator<number> {
    for (let each = this.from; each > 0; each--) yield each;
  }
}

class Handler {
  readonly factor = 3;
  readonly field = (value: number): number => value * this.factor;
  readonly later = async (value: number): Promise<number> => Promise.resolve(value + this.factor);
  times(other: number): (value: number) => number[] {
    return (value) => [1, 2].map((each) => each * value * other * this.factor);
  }
  method(value: number): number {
    return value + this.factor;
  }
}
const handler = new Handler();

function ofCall(this: { readonly word: string }): () => string {
  return () => `${this.word}!`;
}

const instance = new Shape("triangle");
const mapped = new Map([["one", new Shape("square")]]);

/** What TypeScript makes of `enum Colour { Red, Green = 5 }`. */
let Colour: { [name: string]: number | string };
(function (Colour) {
  Colour[(Colour["Red"] = 0)] = "Red";
  Colour[(Colour["Green"] = 5)] = "Green";
})(Colour! || (Colour = {}));

/** What TypeScript makes of a decorated class. */
const log: string[] = [];
type Decorator = (target: object, key: string, descriptor: PropertyDescriptor | undefined) => PropertyDescriptor;
const __decorate = function (decorators: readonly Decorator[], target: object, key: string): void {
  let descriptor = Object.getOwnPropertyDescriptor(target, key);
  for (const decorator of decorators) {
    descriptor = decorator(target, key, descriptor);
  }
  Object.defineProperty(target, key, descriptor as PropertyDescriptor);
};
function doubled(_target: object, _key: string, descriptor?: PropertyDescriptor): PropertyDescriptor {
  const original = descriptor?.value as (...args: unknown[]) => number;
  return {
    ...descriptor,
    value(...args: unknown[]) {
      return original.apply(this, args) * 2;
    },
  };
}
let Decorated = class Decorated {
  scale = 4;
  area(side: number): number {
    return side * this.scale;
  }
};
__decorate([doubled], Decorated.prototype, "area");
Decorated = ((target) => {
  log.push(target.name === "" ? "none" : "class");
  return target;
})(Decorated);

export const classCases: readonly FunctionCase[] = [
  functionCase("a captured class", () => new Shape("square").describe(), "square of 4"),
  functionCase(
    "a captured class and its statics",
    () => {
      const before = Shape.made;
      Shape.of("square");
      return [Shape.made - before, Shape.names];
    },
    [1, ["static block"]],
  ),
  functionCase("a static method that uses a constant", Shape.sidesOf, 3, ["triangle"]),
  functionCase(
    "a class with private fields, methods and accessors",
    () => new Coloured("square").describe(),
    "red square of 4 714",
  ),
  functionCase(
    "a private name looked for",
    () => [new Coloured("square").has(new Coloured("square")), new Coloured("square").has({})],
    [true, false],
  ),
  functionCase(
    "a private static",
    () => {
      const before = Coloured.count;
      new Coloured("triangle");
      return Coloured.count - before;
    },
    1,
  ),
  functionCase(
    "inheritance",
    () => {
      const shape = new Coloured("square");
      return [shape instanceof Shape, shape.sides, Coloured.sidesOf("square")];
    },
    [true, 4, 400],
  ),
  functionCase("a static method that uses a private static method", Coloured.firstWord, "one", ["one two"]),
  functionCase("a static method that uses super", Coloured.sidesOf, 400, ["square"]),
  functionCase(
    "methods of classes in a list",
    () => [Shape, Coloured].map((each) => new each("triangle").sides),
    [3, 3],
  ),
  functionCase("a class that knows its own name", () => Named.own(), true),
  functionCase(
    "a mixin",
    () => {
      const shape = new MixedShape("square");
      return [shape.mixed(), shape.describe(), shape instanceof Shape];
    },
    ["mixed 4", "square of 4", true],
  ),
  functionCase(
    "a class that extends Error",
    () => {
      const error = new Failure(3, { cause: "why" });
      return [error instanceof Failure, error instanceof Error, error.message, error.detail, error.cause, error.name];
    },
    [true, true, "failed with 3", 3, "why", "Failure"],
  ),
  functionCase(
    "a class that extends Array",
    () => {
      const stack = new Stack<number>();
      stack.push(1, 2);
      return [stack.top, stack.length, Array.isArray(stack), stack.map((each) => each * 2) instanceof Stack];
    },
    [2, 2, true, true],
  ),
  functionCase("an iterable class", () => [...new Countdown(3)], [3, 2, 1]),
  functionCase("a captured instance", () => [instance.describe(), instance instanceof Shape], ["triangle of 3", true]),
  functionCase("instances in a Map", () => mapped.get("one")?.describe(), "square of 4"),
  functionCase("a method bound to its instance", handler.method.bind(handler), 5, [2]),
  functionCase("an arrow of a class field, which uses this", handler.field, 6, [2]),
  functionCase("an async arrow of a class field, which uses this", handler.later, 5, [2]),
  functionCase("an arrow of a method, which uses this in an arrow of its own", handler.times(2), [30, 60], [5]),
  functionCase("an arrow that uses the this of a call", ofCall.call({ word: "hello" }), "hello!"),
  functionCase(
    "a method by reference to its prototype",
    Shape.prototype.describe.call.bind(Shape.prototype.describe),
    "square of 4",
    [{ name: "square", sides: 4 }],
  ),
  functionCase("a compiled enum", () => [Colour["Green"], Colour[5], Colour["Red"]], [5, "Green", 0]),
  functionCase("a decorated method", () => new Decorated().area(3), 24),
  functionCase(
    "an anonymous class",
    () =>
      new (class {
        static readonly value = SIDES.square;
        get() {
          return SIDES.triangle;
        }
      })().get(),
    3,
  ),
  functionCase(
    "a class made by a call",
    ((scale: number) => {
      class Local {
        readonly value = scale;
      }
      return () => new Local().value;
    })(9),
    9,
  ),
];
