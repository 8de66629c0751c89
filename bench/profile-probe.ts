/**
 * One measure of asynccpu with a CPU profile of the parent and of each worker.
 *
 *     node profile-probe.js MEASURE SIZES     prints the parent's and the workers' self times as one line of JSON
 */

import { ASYNCCPU } from "./contender-names.js";
import { CONTENDERS } from "./contenders.js";
import { MEASURES } from "./measures.js";
import { startProfile } from "./profiler.js";
import { stopProfile } from "./profiler.js";
import type { Contender } from "./contender.js";
import type { OpenContender } from "./contender.js";
import type { SelfTimes } from "./profiler.js";
import type { Sizes } from "./measure.js";

/** What the probe prints. */
export interface Profiles {
  readonly parent: SelfTimes;
  readonly workers: readonly SelfTimes[];
  readonly figures: Record<string, number>;
}

const [measureId, sizes = "{}"] = process.argv.slice(2);
const measure = MEASURES.find(({ id }) => id === measureId);
const asynccpu = CONTENDERS.find(({ name }) => name === ASYNCCPU);
if (measure === undefined || asynccpu === undefined) throw new Error(`No measure ${measureId}.`);

let parent: SelfTimes | undefined;
const workerProfiles: SelfTimes[] = [];

/**
 * Workers begin when they are first waited for, the parent with the first no-op task; all end before the pool is
 * closed.
 */
function withProfile(inner: Contender, workers: number): Contender {
  return {
    run: (job, argument) => {
      if (job === "workerId") return inner.run("beginProfile", argument);
      startProfile();
      return inner.run(job, argument);
    },
    close: async () => {
      parent = stopProfile();
      while (workerProfiles.length < workers) {
        const ended = await Promise.all(Array.from({ length: workers }, () => inner.run("endProfile", 5)));
        for (const profile of ended) if (profile !== undefined) workerProfiles.push(profile as SelfTimes);
      }
      await inner.close();
    },
  };
}

const load = async (): Promise<OpenContender> => {
  const open = await asynccpu.load();
  return (workers) => withProfile(open(workers), workers);
};
const figures = await measure.run(load, JSON.parse(sizes) as Sizes);
if (parent === undefined) throw new Error(`Measure ${measureId} has no part that can be profiled.`);
const profiles: Profiles = { parent, workers: workerProfiles, figures };
process.stdout.write(`${JSON.stringify(profiles)}\n`, () => process.exit(0));
