/** Taking a job out of the queue, beside what goes on with it meanwhile. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { withdrawJob } from "../../../src/bullmq/program/withdraw-job.js";
import type { SentJob } from "../../../src/bullmq/program/sent-job.js";

interface Case {
  readonly isAdded: boolean;
  readonly removals: readonly (boolean | Error)[];
  /** How often the job was taken out, and how often that was tried. */
  readonly expected: readonly [number, number];
}

const CASES: Readonly<Record<string, Case>> = {
  "one that waits is taken out": { isAdded: true, removals: [true], expected: [1, 1] },
  "one that is on its way to the queue is tried again": { isAdded: false, removals: [false, true], expected: [1, 2] },
  "one that Redis refuses to take out is tried again": {
    isAdded: true,
    removals: [new Error("READONLY"), true],
    expected: [1, 2],
  },
  "one that a host has is left alone": { isAdded: true, removals: [false, true], expected: [0, 1] },
};

for (const [title, { isAdded, removals, expected }] of Object.entries(CASES)) {
  test(`a job whose task is to end only if it waits: ${title}`, async () => {
    let tried = 0;
    let removed = 0;
    const remove = (): Promise<Error | undefined> => {
      const outcome = removals[tried] ?? false;
      tried += 1;
      return outcome instanceof Error
        ? Promise.reject(outcome)
        : Promise.resolve(outcome ? new Error("removed") : undefined);
    };
    // Its pauses keep no program going.
    const hold = setInterval(() => {}, 1000);
    await withdrawJob({ isAdded } as unknown as SentJob, undefined, {
      remove,
      isOpen: () => removed === 0,
      isHurried: () => false,
      onRemoved: () => (removed += 1),
      ask: () => Promise.resolve(),
    }).finally(() => clearInterval(hold));
    assert.deepEqual([removed, tried], expected);
  });
}
