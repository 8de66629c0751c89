import { FunctionNotPicklableError } from "../../errors.js";
import { LiveOffers } from "../../live/offers.js";
import { Refusal } from "../../values/classes/value-writer.js";
import { sentWeakCollections } from "../../values/classes/weak-collections.js";
import type { AnyClass } from "../../values/classes/class-registry.js";
import type { AnyFunction } from "../../values/classes/value-writer.js";
import type { PooledFunction } from "../../pool/queue/function-table.js";
import type { SharedWeakCollections } from "../../values/classes/weak-collections.js";
import type { TaskExtras } from "../../pool/queue/pool-task.js";
import type { ValueWriter } from "../../values/classes/value-writer.js";

function describeProblems(error: FunctionNotPicklableError): string {
  const [first] = error.problems;
  if (first === undefined) return "";
  const { variable, through, problem } = first;
  return `: ${variable}${through === undefined ? "" : `, through ${through}`}: ${problem}`;
}

/** Calls the pickler, whose refusal becomes that of the argument. */
export function refuseUnpicklable<T>(pickle: () => T): T | Refusal {
  try {
    return pickle();
  } catch (error) {
    if (!(error instanceof FunctionNotPicklableError)) throw error;
    return new Refusal(`it is a function that can't be pickled${describeProblems(error)}`, error);
  }
}

/** How much a writer has taken. */
interface TakenCount {
  readonly functions: number;
  readonly live: number;
}

/** Takes what can't be copied of the arguments of one task. */
export class ArgumentWriter implements ValueWriter {
  readonly #pickle: (fn: AnyFunction) => PooledFunction;
  /** Functions and classes in the arguments; a worker gets each of them once. */
  readonly functions: PooledFunction[] = [];
  readonly weakCollections: SharedWeakCollections = sentWeakCollections;
  /** The same as they are in this process. */
  readonly originals: Set<AnyFunction> = new Set<AnyFunction>();
  #offers: LiveOffers | undefined;

  constructor(pickle: (fn: AnyFunction) => PooledFunction) {
    this.#pickle = pickle;
  }

  /** What has to go along; nothing for most tasks. */
  get extras(): TaskExtras | undefined {
    if (this.functions.length === 0 && this.#offers === undefined) return undefined;
    return { functions: this.functions, live: this.#offers };
  }

  /** The number by which the worker knows it. */
  writeFunction(fn: AnyFunction): unknown {
    const pooled = refuseUnpicklable(() => this.#pickle(fn));
    if (pooled instanceof Refusal) return pooled;
    if (!this.functions.includes(pooled)) this.functions.push(pooled);
    this.originals.add(fn);
    return pooled.id;
  }

  offer(object: object): unknown {
    this.#offers ??= new LiveOffers(0);
    return this.#offers.offer(object);
  }

  /** How much was taken so far. */
  get taken(): TakenCount {
    return { functions: this.functions.length, live: this.#offers?.count ?? 0 };
  }

  /** Forgets what was taken since: what it was in is not sent. */
  takeBack({ functions, live }: TakenCount): void {
    this.functions.length = functions;
    this.#offers?.takeBack(live);
  }

  /** The arguments are not sent after all. */
  release(): void {
    this.#offers?.release();
  }

  writeClass(of: AnyClass): unknown {
    return this.writeFunction(of as unknown as AnyFunction);
  }
}
