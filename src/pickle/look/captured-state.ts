/**
 * Tells captured state by identity: the same objects, the same closures.
 *
 * Two closures of one factory may be equal in all their bytes, each with its own list. In a worker they must not be
 * one function, or either would see what the other has put into its list. An arrow function that is made anew in every
 * turn of a loop has the same list in each, and may well be one. So pickles count as the same when they are equal and
 * what tasks may change in them is the same.
 */

const numbers = new WeakMap<object, number>();
let lastNumber = 0;

/** The number of an object, which no other one has. */
export function numberOf(object: object): number {
  const known = numbers.get(object);
  if (known !== undefined) return known;
  lastNumber += 1;
  numbers.set(object, lastNumber);
  return lastNumber;
}

/** So many are noted one by one; of those behind them a sum is kept, which is nearly as good and takes no room. */
const MAX_NOTED = 1000;

/** What tasks may change of one pickle, in the order in which it was found. */
export class CapturedState {
  readonly #numbers: number[] = [];
  #restCount = 0;
  #xorSum = 0;
  #addSum = 0;

  /** Notes an object that can change; or a function, for its properties or for variables that only its closure has. */
  add(object: object): void {
    const number = numberOf(object);
    if (this.#numbers.length < MAX_NOTED) {
      this.#numbers.push(number);
      return;
    }
    this.#restCount += 1;
    this.#xorSum = Math.imul(this.#xorSum ^ number, 0x0100_0193);
    this.#addSum = (Math.imul(this.#addSum, 31) + number) | 0;
  }

  /** Different for what is not the same; empty for nothing. */
  get key(): string {
    if (this.#restCount === 0) return this.#numbers.join();
    return [...this.#numbers, this.#restCount, this.#xorSum, this.#addSum].join();
  }
}

/** What was read somewhere, without holding it. */
export class Trace {
  readonly #value: unknown;
  readonly #isObject: boolean;

  constructor(value: unknown) {
    this.#isObject = (typeof value === "object" && value !== null) || typeof value === "function";
    this.#value = this.#isObject ? new WeakRef(value as object) : value;
  }

  isOf(value: unknown): boolean {
    if (!this.#isObject) return Object.is(this.#value, value);
    return value !== undefined && (this.#value as WeakRef<object>).deref() === value;
  }
}
