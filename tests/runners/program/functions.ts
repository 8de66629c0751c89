/** Functions of every kind, none of which a worker can import: they are no exports. */

import { functionCase } from "./case.ts";
import type { FunctionCase } from "./case.ts";

const BASE = 40;

function declaration(count: number): number {
  return count + BASE;
}

/** With two globals that Jest assigns. */
function makeBytes(): number {
  return new Uint8Array(new ArrayBuffer(3)).length;
}

async function asynchronous(count: number): Promise<number> {
  const first = await Promise.resolve(count);
  return first + (await helper(first));
}

async function helper(count: number): Promise<number> {
  await new Promise<void>((resolve) => {
    setImmediate(resolve);
  });
  return declaration(count);
}

function* countTo(last: number): Generator<number, string, number | undefined> {
  let sum = 0;
  for (let count = 1; count <= last; count++) sum += (yield count) ?? 0;
  return `sum ${sum}`;
}

async function* countSlowlyTo(last: number): AsyncGenerator<number> {
  for (const count of countTo(last)) yield await Promise.resolve(count);
}

function consume(last: number): unknown[] {
  const seen: unknown[] = [...countTo(last)];
  const generator = countTo(2);
  seen.push(generator.next(), generator.next(5), generator.next(6));
  return seen;
}

async function consumeSlowly(last: number): Promise<number[]> {
  const seen: number[] = [];
  for await (const count of countSlowlyTo(last)) seen.push(count);
  return seen;
}

function withDefaults(first: number, second = first + BASE, third = declaration(second)): number[] {
  return [first, second, third];
}

interface Options {
  readonly size?: number;
  readonly nested: { readonly items: readonly number[] };
}

function destructured(
  {
    size = BASE,
    nested: {
      items: [head = 0, ...tail],
    },
  }: Options,
  ...rest: number[]
): unknown[] {
  return [size, head, tail, rest];
}

function spread(...numbers: number[]): number {
  return Math.max(...numbers, ...[BASE]);
}

function levels(a: number): (b: number) => (c: number) => (d: number) => number[] {
  const first = a * 2;
  return (b) => {
    const second = first + b;
    return function third(c) {
      const here = second * c;
      return (d) => [first, second, here, d, BASE];
    };
  };
}

let snapshot = 1;
const readSnapshot = (): number => snapshot;

function countedInLoop(): (() => number)[] {
  const made: (() => number)[] = [];
  for (let index = 0; index < 3; index++) made.push(() => index * 10);
  return made;
}

function counter(): () => number[] {
  let count = 0;
  const next = (): number => ++count;
  return () => [next(), next(), count];
}

let moduleCount = 0;
function raise(): number {
  moduleCount += 1;
  return moduleCount;
}
function raiseTwice(): number[] {
  moduleCount = 0;
  return [raise(), raise(), moduleCount];
}

function factorial(value: number): number {
  return value < 2 ? 1 : value * factorial(value - 1);
}

const fibonacci = function own(value: number): number {
  return value < 2 ? value : own(value - 1) + own(value - 2);
};

function isEven(value: number): boolean {
  return value === 0 || isOdd(value - 1);
}
function isOdd(value: number): boolean {
  return value !== 0 && isEven(value - 1);
}

function tag(strings: TemplateStringsArray, ...values: number[]): string {
  return [strings.raw.join("|"), strings.length, ...values].join(",");
}
function tagged(value: number): string {
  return tag`a${value}\n${BASE}`;
}

function multiply(this: { readonly factor: number }, ...values: number[]): number[] {
  return values.map((value) => value * this.factor);
}

const registered = Symbol.for("asynccpu.test.case");
const withSymbols = {
  [registered]: 5,
  get twice(): number {
    return this[registered] * 2;
  },
  *[Symbol.iterator](): Generator<number> {
    yield* [1, this.twice];
  },
};

const decorated: ((value: number) => string) & { prefix?: string; calls?: number[] } = (value) =>
  `${decorated.prefix}${value}${decorated.calls?.length}`;
decorated.prefix = "p";
decorated.calls = [1, 2];

const accessors = {
  hidden: 3,
  get value(): number {
    return this.hidden + BASE;
  },
  set value(next: number) {
    this.hidden = next;
  },
  method(by: number): number {
    return by * BASE;
  },
  async later(by: number): Promise<number> {
    return Promise.resolve(by + BASE);
  },
  arrow: (by: number): number => by - BASE,
};

const compose =
  (...steps: readonly ((value: number) => number)[]) =>
  (value: number): number =>
    steps.reduce((each, step) => step(each), value);

const memo = new Map<string, { readonly when: Date; readonly how: RegExp; readonly many: Set<bigint> }>([
  ["key", { when: new Date(0), how: /a(b)?/u, many: new Set([1n, 2n]) }],
]);

function captureData(): unknown[] {
  const entry = memo.get("key");
  return [entry?.when.toISOString(), entry?.how.exec("ab")?.[1], entry?.many.has(2n), memo.size];
}

const shared = { value: 1 };
const holders = [shared, { inner: shared }] as const;

function caught(value: number): string {
  try {
    if (value > 1) throw new RangeError(`too big: ${value}`);
    return "small";
  } catch (error) {
    return error instanceof RangeError ? error.message : "other";
  } finally {
    label: for (const a of [1, 2]) for (const b of [1, 2]) if (a === b) continue label;
  }
}

function shadowed(value: number): number[] {
  const inner = (BASE: number): number => BASE + value;
  {
    const BASE = 2;
    value += BASE;
  }
  return [inner(1), BASE];
}

function hoisted(): unknown[] {
  const before: string = typeof later;
  var later: number | undefined = 1;
  return [before, later, inner()];
  function inner(): string {
    return "inner";
  }
}

const pipeline = async (...values: number[]): Promise<number[]> =>
  Promise.all(values.map(async (value) => (await asynchronous(value)) - BASE));

export const functionCases: readonly FunctionCase[] = [
  functionCase("a declaration", declaration, 42, [2]),
  functionCase(
    "a function expression",
    function (count: number) {
      return [count, count + BASE];
    },
    [1, 41],
    [1],
  ),
  functionCase("a named function expression that calls itself", fibonacci, 55, [10]),
  functionCase("an arrow", (count: number) => count + BASE, 43, [3]),
  functionCase(
    "an arrow with a body",
    (count: number) => {
      const sum = count + BASE;
      return { sum };
    },
    { sum: 44 },
    [4],
  ),
  functionCase("an arrow that gives an object", (count: number) => ({ count, BASE }), { count: 1, BASE: 40 }, [1]),
  functionCase("an async function", asynchronous, 44, [2]),
  functionCase("an async arrow", async (count: number) => (await asynchronous(count)) + 1, 45, [2]),
  functionCase(
    "a consumer of a generator",
    consume,
    [1, 2, 3, { value: 1, done: false }, { value: 2, done: false }, { value: "sum 11", done: true }],
    [3],
  ),
  functionCase("a consumer of an async generator", consumeSlowly, [1, 2, 3], [3]),
  functionCase("default parameters", withDefaults, [1, 41, 81], [1]),
  functionCase(
    "destructured parameters",
    destructured,
    [40, 1, [2, 3], [4, 5]],
    [{ nested: { items: [1, 2, 3] } }, 4, 5],
  ),
  functionCase("rest parameters and spread", spread, 50, [50, 1]),
  functionCase("a closure four levels deep", levels(1)(2)(3), [2, 4, 12, 5, 40], [5]),
  functionCase("a captured let", readSnapshot, 1),
  functionCase("a variable of a loop", countedInLoop()[2] ?? (() => -1), 20),
  functionCase("a closure that counts", counter(), [1, 2, 2]),
  functionCase("variables of the module that functions share", raiseTwice, [1, 2, 2]),
  functionCase("recursion", factorial, 120, [5]),
  functionCase("mutual recursion", isEven, true, [10]),
  functionCase("a template tag", tagged, "a|\\n|,3,7,40", [7]),
  functionCase("a bound function", multiply.bind({ factor: 3 }, 1), [3, 6], [2]),
  functionCase("a function bound twice", multiply.bind({ factor: 2 }, 1).bind(null, 2), [2, 4, 6], [3]),
  functionCase("symbols and an iterator of an object", () => [...withSymbols, Symbol.keyFor(registered)], [
    1,
    10,
    "asynccpu.test.case",
  ]),
  functionCase("a function with properties", decorated, "p12", [1]),
  functionCase(
    "getters and setters",
    () => {
      accessors.value = 5;
      return accessors.value;
    },
    45,
  ),
  functionCase("a method of an object", accessors.method, 80, [2]),
  functionCase("an async method of an object", accessors.later, 42, [2]),
  functionCase("an arrow that is a property", accessors.arrow, 2, [42]),
  functionCase(
    "functions in a list",
    compose(
      (value) => value + 1,
      (value) => value * BASE,
    ),
    120,
    [2],
  ),
  functionCase("Map, Set, Date, RegExp and BigInt", captureData, ["1970-01-01T00:00:00.000Z", "b", true, 1]),
  functionCase("objects that are one and the same", () => holders[0] === holders[1].inner, true),
  functionCase("try, catch, finally and labels", caught, "too big: 2", [2]),
  functionCase("names that hide others", shadowed, [4, 40], [1]),
  functionCase("names that are hoisted", hoisted, ["undefined", 1, "inner"]),
  functionCase("an async pipeline", pipeline, [2, 4], [1, 2]),
  functionCase(
    "standard globals",
    () => [Math.max(1, 2), JSON.stringify({ a: [1] }), Number.parseInt("12", 10), typeof structuredClone, makeBytes()],
    [2, '{"a":[1]}', 12, "function", 3],
  ),
  functionCase("a function of the language", Math.max, 3, [1, 3, 2]),
  functionCase("process.env", () => process.env["ASYNCCPU_TEST_CASE"], "from the environment"),
  functionCase(
    "a function made by a call",
    new Function("a", "b", "return a + b") as (...args: never[]) => unknown,
    3,
    [1, 2],
  ),
  functionCase("new Function inside", (text: string) => (new Function(`return ${text}`) as () => unknown)(), 6, [
    "2 * 3",
  ]),
];

/** Changes what was captured; a case that was submitted before must not see it. */
export function changeWhatWasCaptured(): void {
  snapshot = 99;
}
