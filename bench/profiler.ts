/** CPU profiles by node:inspector, in whatever process or thread it is called. */

import type { Profiler } from "node:inspector";
import type { Session } from "node:inspector";

const SAMPLING_US = 200;

let session: Session | undefined;

/** Begins a profile of this thread; once begun, does nothing. */
export function startProfile(): void {
  if (session !== undefined) return;
  // Workers load this file whether they are profiled or not: the inspector costs memory.
  const { Session: SessionClass } = process.getBuiltinModule("node:inspector");
  session = new SessionClass();
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.setSamplingInterval", { interval: SAMPLING_US });
  session.post("Profiler.start");
}

/** Where a thread's time went: microseconds by function, and in all. */
export interface SelfTimes {
  readonly functions: readonly { readonly name: string; readonly us: number }[];
  readonly totalUs: number;
}

function nameOf({ functionName, url, lineNumber }: Profiler.ProfileNode["callFrame"]): string {
  const name = functionName === "" ? "(anonymous)" : functionName;
  if (url === "") return name;
  return `${name} ${url.replace(/^.*\/(?=(?:build|node_modules)\/)/, "")}:${lineNumber + 1}`;
}

/** Adds up the samples of a profile by function. */
export function sumSelfTimes({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): SelfTimes {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const byName = new Map<string, number>();
  let totalUs = 0;
  for (const [index, node] of samples.entries()) {
    // A delta is the time since the sample before: what that one had.
    const us = timeDeltas[index + 1] ?? 0;
    const name = names.get(node) ?? "?";
    byName.set(name, (byName.get(name) ?? 0) + us);
    totalUs += us;
  }
  const functions = [...byName].map(([name, us]) => ({ name, us })).toSorted((a, b) => b.us - a.us);
  return { functions, totalUs };
}

/** Ends the profile of this thread. @throws Error when none was begun. */
export function stopProfile(): SelfTimes {
  let profile: Profiler.Profile | undefined;
  session?.post("Profiler.stop", (_error, result) => {
    profile = result.profile;
  });
  session?.disconnect();
  if (profile === undefined) throw new Error("This thread has no profile.");
  return sumSelfTimes(profile);
}
