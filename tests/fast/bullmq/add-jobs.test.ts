/** Adding jobs: what is known when that fails. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { RedisRefusedError } from "../../../src/bullmq/index.js";
import { ValueStoreError } from "../../../src/bullmq/index.js";
import { isPassing } from "../../../src/bullmq/contract/errors.js";
import { addJobs } from "../../../src/bullmq/program/add-jobs.js";
import type { JobTable } from "../../../src/bullmq/program/job-table.js";
import type { QueueLink } from "../../../src/bullmq/program/queue-link.js";
import type { SentJob } from "../../../src/bullmq/program/sent-job.js";

const refusal = Object.assign(new Error("NOPERM"), { name: "ReplyError" });

const CASES: Readonly<Record<string, { thrown: Error; askFails?: Error; failed: number; asked: number }>> = {
  "a pipeline that broke off: Redis is asked which are there": { thrown: new Error("closed"), failed: 0, asked: 2 },
  "a Redis that is away for asking, too: they go on": {
    thrown: new Error("closed"),
    askFails: new Error("closed"),
    failed: 0,
    asked: 2,
  },
  "a Redis that refuses all: they fail": { thrown: refusal, askFails: refusal, failed: 2, asked: 2 },
  "arguments that can't be stored: they fail": { thrown: new ValueStoreError("full"), failed: 2, asked: 0 },
};

for (const [title, { thrown, askFails, failed, asked }] of Object.entries(CASES)) {
  test(title, async () => {
    const jobs = [{}, {}] as SentJob[];
    let askedCount = 0;
    const link = {
      values: { isLarge: () => false },
      add: () => Promise.reject(thrown),
      ask: (some: readonly SentJob[]) => {
        askedCount += some.length;
        return askFails === undefined ? Promise.resolve() : Promise.reject(askFails);
      },
    };
    const errors: Error[] = [];
    await addJobs(link as unknown as QueueLink, { has: () => true } as unknown as JobTable, jobs, (_job, error) => {
      errors.push(error);
    });
    assert.deepEqual([errors.length, askedCount], [failed, asked]);
    for (const error of errors) {
      if (thrown !== refusal) assert.equal(error, thrown);
      else assert.ok(error instanceof RedisRefusedError && (error.cause as Error).message === "NOPERM");
    }
  });
}

test("what a server refuses for the time being is told from what it refuses for good", () => {
  const reply = (message: string): Error => Object.assign(new Error(message), { name: "ReplyError" });
  const passing = [
    "READONLY You can't write",
    "NOSCRIPT No matching script.",
    "LOADING Redis is loading",
    "MOVED 1 a:1",
  ];
  for (const message of passing) assert.equal(isPassing(reply(message)), true, message);
  for (const message of ["OOM command not allowed", "NOPERM", "WRONGTYPE"]) {
    assert.equal(isPassing(reply(message)), false);
  }
  assert.equal(isPassing(new Error("READONLY")), false);
});
