/** Spent slots at the front that are tolerated before the array is cut. */
const COMPACT_AFTER = 256;

/** First in, first out: every operation takes constant time on average. */
export class Fifo<T> {
  /** Spent slots hold nothing: what an item refers to must not live on in them. */
  #slots: (T | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#slots.length - this.#head;
  }

  /** The item with so many before it; `undefined` behind the last one. */
  at(index: number): T | undefined {
    return this.#slots[this.#head + index];
  }

  push(item: T): void {
    this.#slots.push(item);
  }

  /** Takes the first one out. */
  shift(): T | undefined {
    const { length } = this.#slots;
    if (this.#head === length) return undefined;
    const item = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === length || (this.#head >= COMPACT_AFTER && this.#head * 2 >= length)) {
      this.#slots = this.#slots.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Takes out all but the first so many, in order. */
  takeFrom(index: number): T[] {
    return this.#slots.splice(this.#head + index) as T[];
  }

  *[Symbol.iterator](): Generator<T, void> {
    for (let at = this.#head; at < this.#slots.length; at += 1) yield this.#slots[at] as T;
  }
}
