import { PooledFunction } from "../../pool/queue/function-table.js";

/** Functions with numbers and what is learnt of each, by whatever tells them apart. */
export class NumberedFunctions<K> {
  readonly #known = new Map<K, PooledFunction>();
  readonly #payloadOf: (key: K) => Uint8Array;

  /** @param payloadOf - Gives what is sent of a function to a worker. */
  constructor(payloadOf: (key: K) => Uint8Array) {
    this.#payloadOf = payloadOf;
  }

  of(key: K): PooledFunction {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const made = new PooledFunction(this.#known.size + 1, this.#payloadOf(key));
    this.#known.set(key, made);
    return made;
  }
}
