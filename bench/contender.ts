import type { JobName } from "./jobs.js";

/** How many children every contender has. */
export const WORKERS = 2;

/** Something that runs jobs in two other processes. */
export interface Contender {
  /** Runs a job with one argument in a child. */
  run(job: JobName, argument: unknown): Promise<unknown>;
  /** Ends the children. */
  close(): Promise<void>;
}

/** A call that waits for its answer. */
interface Call {
  readonly child: number;
  readonly resolve: (value: unknown) => void;
}

/** Numbers the calls, and gives each to the child that has the fewest: for contenders without a pool. */
export class Calls {
  readonly #waiting = new Map<number, Call>();
  readonly #load: number[] = Array.from({ length: WORKERS }, () => 0);
  #nextId = 1;

  /** Notes a call, and hands its number and the child that is to have it to `send`. */
  begin(send: (id: number, child: number) => void): Promise<unknown> {
    return new Promise((resolve) => {
      const id = this.#nextId;
      this.#nextId += 1;
      const child = this.#leastLoaded();
      this.#load[child] = (this.#load[child] ?? 0) + 1;
      this.#waiting.set(id, { child, resolve });
      send(id, child);
    });
  }

  end(id: number, value: unknown): void {
    const call = this.#waiting.get(id);
    if (call === undefined) throw new Error(`An answer came to call ${id}, which nobody made.`);
    this.#waiting.delete(id);
    this.#load[call.child] = (this.#load[call.child] ?? 0) - 1;
    call.resolve(value);
  }

  #leastLoaded(): number {
    const load = this.#load;
    let least = 0;
    for (let child = 1; child < load.length; child += 1) {
      if ((load[child] ?? 0) < (load[least] ?? 0)) least = child;
    }
    return least;
  }
}
