import { CONTENDERS } from "./contenders.js";
import { LITTLE_WARM } from "./little-warm.js";
import { MEASURES } from "./measures.js";
import { calibrate } from "./machine.js";
import type { ContenderKind } from "./contenders.js";
import type { Measure } from "./measure.js";
import type { Sizes } from "./measure.js";

/** A run of the table: what is measured, how much of it and how often. */
export interface Plan {
  readonly mode: "quick" | "default";
  readonly rounds: number;
  /** Other libraries are measured in the first rounds only: ours and the limit, whose ratio matters most, oftener. */
  readonly peerRounds: number;
  /** No further round begins that would end after this time, in seconds. */
  readonly limitSeconds: number;
  /** After this a contender counts as hung. */
  readonly probeLimitMs: number;
  readonly measures: readonly Measure[];
  readonly contenders: readonly ContenderKind[];
  /** Whether something was left out by `--only` or `--contenders`. */
  readonly isPartial: boolean;
  readonly sizes: Sizes;
}

const SIZES = {
  tasks: 100_000,
  inFlightTasks: 50_000,
  manyTasks: 1_000_000,
  shortTasks: 20_000,
  trips: 2000,
  bigTrips: 3,
  warmTasks: 3000,
} as const;

const QUICK_SIZES = {
  tasks: 10_000,
  inFlightTasks: 5000,
  manyTasks: 100_000,
  shortTasks: 2000,
  trips: 500,
  bigTrips: 1,
  warmTasks: 1000,
} as const;

/** What can be chosen on the command line. */
export interface PlanOptions {
  readonly isQuick: boolean;
  readonly rounds?: number | undefined;
  /** The measures with little warm-up, in place of the others. */
  readonly isLittleWarm?: boolean;
  /** Ids of measures. */
  readonly only?: readonly string[] | undefined;
  /** Names of contenders. */
  readonly contenders?: readonly string[] | undefined;
}

function pick<T>(all: readonly T[], nameOf: (item: T) => string, names: readonly string[], what: string): T[] {
  const unknown = names.find((name) => !all.some((item) => nameOf(item) === name));
  if (unknown !== undefined) {
    throw new Error(`No ${what} is called ${unknown}. There are: ${all.map(nameOf).join(", ")}.`);
  }
  return all.filter((item) => names.includes(nameOf(item)));
}

/** @throws Error for a name that nobody has. */
export function makePlan({ isQuick, isLittleWarm = false, rounds, only, contenders }: PlanOptions): Plan {
  const all = MEASURES.filter((measure) => LITTLE_WARM.includes(measure) === isLittleWarm);
  return {
    mode: isQuick ? "quick" : "default",
    rounds: rounds ?? (isQuick ? 1 : 7),
    peerRounds: rounds ?? (isQuick ? 1 : 2),
    limitSeconds: rounds === undefined ? (isQuick ? 70 : 660) : Number.POSITIVE_INFINITY,
    probeLimitMs: isQuick ? 20_000 : 120_000,
    measures:
      only === undefined
        ? all.filter(({ isSlow }) => !isQuick || isSlow !== true)
        : pick(MEASURES, ({ id }) => id, only, "measure"),
    contenders:
      contenders === undefined
        ? CONTENDERS.filter((kind) => !isQuick || kind.isQuick === true)
        : pick(CONTENDERS, ({ name }) => name, contenders, "contender"),
    isPartial: isLittleWarm || only !== undefined || contenders !== undefined,
    sizes: { ...(isQuick ? QUICK_SIZES : SIZES), stepsPer50us: calibrate() },
  };
}
