import type { JobName } from "./jobs.js";

/** How many workers every contender has in the table. */
export const WORKERS = 2;

/** Something that runs jobs in other processes or threads. */
export interface Contender {
  /** Runs a job with one argument in a worker. */
  run(job: JobName, argument: unknown): Promise<unknown>;
  /** An array of zeros that workers see without a copy; absent where there is no such thing. */
  makeShared?(sizeBytes: number): Uint8Array;
  /**
   * Runs a job with an array whose memory is handed over to the worker, and lost to the caller; absent where there is
   * no such thing.
   */
  runMoving?(job: JobName, bytes: Uint8Array<ArrayBuffer>): Promise<unknown>;
  /** Ends the workers. */
  close(): Promise<void>;
}

/** Makes a fresh contender. */
export type OpenContender = (workers: number) => Contender;

/** Gives the function that makes one, and loads its code: no other contender shall pay for it. */
export type LoadContender = () => Promise<OpenContender>;

type Resolve = (value: unknown) => void;

/** Gives a number to each call and a child that has the fewest: for contenders without a pool. */
export class Calls {
  readonly #resolves: (Resolve | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #load: number[];

  constructor(workers: number) {
    this.#load = Array.from({ length: workers }, () => 0);
  }

  /** Notes a call, and hands its number and the child that is to have it to `send`. */
  begin(send: (id: number, child: number) => void): Promise<unknown> {
    return new Promise((resolve) => {
      const id = this.#free.pop() ?? this.#resolves.length;
      this.#resolves[id] = resolve;
      const load = this.#load;
      let child = 0;
      for (let other = 1; other < load.length; other += 1) {
        if ((load[other] as number) < (load[child] as number)) child = other;
      }
      load[child] = (load[child] as number) + 1;
      send(id, child);
    });
  }

  end(id: number, child: number, value: unknown): void {
    const resolve = this.#resolves[id];
    if (resolve === undefined) throw new Error(`An answer came to call ${id}, which nobody made.`);
    this.#resolves[id] = undefined;
    this.#free.push(id);
    this.#load[child] = (this.#load[child] as number) - 1;
    resolve(value);
  }
}
