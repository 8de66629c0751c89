/** Measures of large arrays: the cost of a byte. */

import { check } from "./measure.js";
import { checksum } from "./jobs.js";
import { median } from "./measure.js";
import { withWarm } from "./measure.js";
import type { Measure } from "./measure.js";

const ARRAY_MIB = 64;
const ARRAY_BYTES = ARRAY_MIB * 1024 * 1024;

function makeArray(): Uint8Array {
  const bytes = new Uint8Array(ARRAY_BYTES);
  for (let i = 0; i < bytes.byteLength; i += 1) bytes[i] = i % 251;
  return bytes;
}

/** MB/s over the median of several trips, the first of which is not counted. */
async function timeTrips(count: number, trip: () => Promise<void>): Promise<number> {
  const timesMs: number[] = [];
  for (let i = 0; i <= count; i += 1) {
    const start = performance.now();
    await trip();
    timesMs.push(performance.now() - start);
  }
  return ARRAY_BYTES / 1e6 / (median(timesMs.slice(1)) / 1000);
}

const asArgument: Measure = {
  id: "big-argument",
  hasBytes: true,
  rows: () => [{ key: "speed", title: `${ARRAY_MIB} MiB Uint8Array as argument`, unit: "MB/s", isHigherBetter: true }],
  run: (load, sizes) =>
    withWarm(load, sizes, async (contender) => {
      const bytes = makeArray();
      const expected = checksum(bytes);
      const speed = await timeTrips(sizes.bigTrips, async () => {
        check((await contender.run("checksum", bytes)) === expected, "the array arrived as another one");
      });
      return { speed };
    }),
};

const echoed: Measure = {
  id: "big-echo",
  hasBytes: true,
  rows: () => [{ key: "speed", title: `${ARRAY_MIB} MiB Uint8Array echoed back`, unit: "MB/s", isHigherBetter: true }],
  run: (load, sizes) =>
    withWarm(load, sizes, async (contender) => {
      const bytes = makeArray();
      let back: unknown;
      const speed = await timeTrips(sizes.bigTrips, async () => {
        back = await contender.run("echo", bytes);
      });
      check(back instanceof Uint8Array && Buffer.compare(back, bytes) === 0, "another array came back");
      return { speed };
    }),
};

export const BIG_VALUES: readonly Measure[] = [asArgument, echoed];
