import type { Contender } from "./contender.js";

/** A contender by its name, and what stands above its column. */
export interface ContenderKind {
  readonly name: string;
  readonly title: string;
  /** Gives the function that makes one; loads its code, which costs the others neither time nor memory. */
  load(): Promise<() => Contender>;
}

export const ASYNCCPU = "asynccpu";
export const RAW_LIMIT = "raw-limit";

export const CONTENDERS: readonly ContenderKind[] = [
  // Reason: only the contender that is measured shall be loaded.
  { name: ASYNCCPU, title: "asynccpu", load: async () => (await import("./asynccpu-pool.js")).openAsynccpu },
  {
    name: RAW_LIMIT,
    title: "raw limit (own pipe, no pool)",
    load: async () => (await import("./raw-pipe.js")).openRawPipe,
  },
  { name: "fork", title: "child_process.fork", load: async () => (await import("./fork-channel.js")).openForkChannel },
];
