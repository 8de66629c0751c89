import { PooledFunction } from "../../pool/queue/function-table.js";

/** A Map or a WeakMap. */
interface KnownFunctions<K> {
  get(key: K): PooledFunction | undefined;
  set(key: K, made: PooledFunction): unknown;
}

/** Functions with numbers and what is learnt of each, by whatever tells them apart. */
export class NumberedFunctions<K> {
  readonly #known: KnownFunctions<K>;
  readonly #payloadOf: (key: K) => Uint8Array;
  #count = 0;

  /**
   * @param known - A WeakMap, where functions that come and go are the keys.
   * @param payloadOf - Gives what is sent of a function to a worker.
   */
  constructor(known: KnownFunctions<K>, payloadOf: (key: K) => Uint8Array) {
    this.#known = known;
    this.#payloadOf = payloadOf;
  }

  of(key: K): PooledFunction {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    this.#count += 1;
    const made = new PooledFunction(this.#count, this.#payloadOf(key));
    this.#known.set(key, made);
    return made;
  }
}
