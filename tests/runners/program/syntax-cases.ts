/** What only a compiler understands, and what it makes of it. */

import { functionCase } from "./case.ts";
import type { FunctionCase } from "./case.ts";

enum Colour {
  Red,
  Green = 5,
}

const enum Level {
  High = 3,
}

namespace Geometry {
  export const factor = 2;
  export function double(value: number): number {
    return value * factor;
  }
}

class Point {
  constructor(
    readonly x: number,
    private readonly y = Level.High,
  ) {}

  sum(): number {
    return this.x + this.y;
  }
}

function doubled<T extends (this: never, ...args: never[]) => number>(
  method: T,
  context: ClassMethodDecoratorContext,
): T {
  const name = String(context.name);
  return function (this: never, ...args: never[]): number {
    return method.apply(this, args) * (name === "area" ? 2 : 0);
  } as T;
}

function counted<T extends new (...args: any[]) => object>(Base: T, _: ClassDecoratorContext): T {
  return class extends Base {
    readonly isCounted = true;
  };
}

class Square {
  readonly side: number;
  constructor(side: number) {
    this.side = side;
  }
  @doubled
  area(): number {
    return this.side * this.side;
  }
}

@counted
class Circle {
  readonly radius = 2;
}

export const syntaxCases: readonly FunctionCase[] = [
  functionCase("an enum", () => [Colour.Green, Colour[5], Colour.Red], [5, "Green", 0]),
  functionCase("a const enum", () => Level.High, 3),
  functionCase("a namespace", () => Geometry.double(4), 8),
  functionCase("parameters that are properties", () => new Point(1).sum(), 4),
  functionCase("a decorated method", () => new Square(3).area(), 18),
  functionCase("a decorated class", () => Object.entries(new Circle()), [
    ["radius", 2],
    ["isCounted", true],
  ]),
];
