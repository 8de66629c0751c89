/** Measures of arrays that are not copied: in memory that parent and workers share, and handed over. */

import { check } from "./measure.js";
import { median } from "./measure.js";
import { sampleSum } from "./jobs.js";
import { withWarm } from "./measure.js";
import type { Contender } from "./contender.js";
import type { Measure } from "./measure.js";
import type { Row } from "./measure.js";

const MIB = 1024 ** 2;
const SMALL_MIB = 64;
const LARGE_MIB = 1024;

const FILL = 7;

/**
 * Takes a millisecond at most, so many can be counted. The first ones find the memory not yet mapped in their worker.
 */
const SHARED_TRIPS = 15;

/** Of contenders of which nothing is asked in these rows, and which have not failed. */
export const HAS_NOTHING_SHARED = "has no memory that its workers share";

async function medianMs(count: number, trip: () => Promise<void>): Promise<number> {
  const timesMs: number[] = [];
  for (let i = 0; i <= count; i += 1) {
    const start = performance.now();
    await trip();
    timesMs.push(performance.now() - start);
  }
  return median(timesMs.slice(1));
}

function makeShared(contender: Contender, sizeMib: number): Uint8Array {
  const array = contender.makeShared?.(sizeMib * MIB);
  if (array === undefined) throw new Error(HAS_NOTHING_SHARED);
  return array.fill(FILL);
}

function rowsOf(what: string): readonly Row[] {
  return [SMALL_MIB, LARGE_MIB].map((sizeMib) => ({
    key: `${sizeMib}`,
    title: `${sizeMib === LARGE_MIB ? "1 GiB" : `${sizeMib} MiB`} ${what}`,
    unit: "ms",
    isHigherBetter: false,
  }));
}

/** Measures both sizes. */
async function measureSizes(
  contender: Contender,
  trip: (array: Uint8Array) => Promise<void>,
): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const sizeMib of [SMALL_MIB, LARGE_MIB]) {
    const array = makeShared(contender, sizeMib);
    figures[`${sizeMib}`] = await medianMs(SHARED_TRIPS, () => trip(array));
  }
  return figures;
}

const sharedArgument: Measure = {
  id: "shared-argument",
  hasBytes: true,
  rows: () => rowsOf("array in shared memory as argument"),
  run: (load, sizes) =>
    withWarm(load, sizes, (contender) =>
      measureSizes(contender, async (array) => {
        check((await contender.run("sampleSum", array)) === sampleSum(array), "the array arrived as another one");
      }),
    ),
};

const sharedEcho: Measure = {
  id: "shared-echo",
  hasBytes: true,
  rows: () => rowsOf("array in shared memory echoed back"),
  run: (load, sizes) =>
    withWarm(load, sizes, (contender) =>
      measureSizes(contender, async (array) => {
        const back = (await contender.run("echo", array)) as Uint8Array;
        check(back.byteLength === array.byteLength && back.at(-1) === FILL, "another array came back");
        // What comes back is the same memory, not a copy of it.
        array[0] = FILL + 1;
        check(back[0] === FILL + 1, "the array that came back is a copy");
        array[0] = FILL;
      }),
    ),
};

const movedArgument: Measure = {
  id: "moved-argument",
  hasBytes: true,
  rows: () => [
    { key: "move", title: `${SMALL_MIB} MiB Uint8Array handed over as argument`, unit: "ms", isHigherBetter: false },
  ],
  run: (load, sizes) =>
    withWarm(load, sizes, async (contender) => {
      const timesMs: number[] = [];
      for (let i = 0; i <= sizes.bigTrips; i += 1) {
        const array = new Uint8Array(SMALL_MIB * MIB).fill(FILL);
        const expected = sampleSum(array);
        const start = performance.now();
        const result = contender.runMoving?.("sampleSum", array);
        if (result === undefined) throw new Error("can't hand memory over");
        check((await result) === expected, "the array arrived as another one");
        timesMs.push(performance.now() - start);
        check(array.byteLength === 0, "the array was copied, not handed over");
      }
      return { move: median(timesMs.slice(1)) };
    }),
};

export const SHARED_MEMORY: readonly Measure[] = [sharedArgument, sharedEcho, movedArgument];
