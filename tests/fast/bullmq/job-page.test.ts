/** The log and the progress of a job: as much as Redis takes, and no more than somebody reads. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { JobPage } from "../../../src/bullmq/host/job-page.js";
import { encodeValue } from "../../../src/values/codec.js";
import { waitUntil } from "../../testlibraries/wait-until.js";
import type { LogRecord } from "../../../src/logging/log-record.js";

/** A job that notes what is written into it. */
class NotedJob {
  readonly lines: string[] = [];
  readonly progress: unknown[] = [];
  /** Ends what is on its way. */
  readonly answers: (() => void)[] = [];

  log(line: string): Promise<number> {
    this.lines.push(line);
    return new Promise((resolve) => {
      this.answers.push(() => resolve(1));
    });
  }

  updateProgress(value: unknown): Promise<void> {
    this.progress.push(value);
    return Promise.resolve();
  }
}

function recordOf(message: string): LogRecord {
  return { level: "info", message, timeMs: 0, pid: 1 };
}

test("lines that Redis does not take in time are left out, and the next one says how many", async () => {
  const job = new NotedJob();
  const page = new JobPage(job);
  for (let line = 1; line <= 130; line += 1) page.log(recordOf(`line ${line}`));
  assert.equal(job.lines.length, 100);
  for (const answer of job.answers.splice(0)) answer();
  await waitUntil(
    () => {
      page.log(recordOf("last"));
      return job.lines.length > 100;
    },
    { what: "room for a line" },
  );
  const [, count, line] = /^\((\d+) lines are left out here\)\n(.*)$/.exec(job.lines[100] ?? "") ?? [];
  assert.ok(Number(count) >= 30 && line?.endsWith("last") === true, job.lines[100]);
  page.log(recordOf("x".repeat(10_000)));
  assert.ok((job.lines.at(-1)?.length ?? 0) < 2100);
});

test("the newest report is written, at most four times a second, and the last one at the end", async () => {
  const job = new NotedJob();
  const page = new JobPage(job);
  const begunAt = performance.now();
  for (let at = 0; at < 100; at += 1) page.report(encodeValue(at, "value"));
  assert.deepEqual(job.progress, [0]);
  await waitUntil(() => job.progress.length > 1, { what: "the newest report" });
  assert.deepEqual(job.progress, [0, 99]);
  assert.ok(performance.now() - begunAt >= 240);
  page.report(encodeValue({ page: 7 }, "value"));
  page.close();
  page.close();
  assert.deepEqual(job.progress, [0, 99, { page: 7 }]);
});

test("a report that is no JSON, or too long for a page, is a text", () => {
  const shown = [2n, "x".repeat(5000), Buffer.alloc(200_000)].map((value) => {
    const job = new NotedJob();
    const page = new JobPage(job);
    page.report(encodeValue(value, "value"));
    page.close();
    return String(job.progress[0]);
  });
  assert.equal(shown[0], "2n");
  assert.match(shown[1] ?? "", /^'x{1999}\.\.\.$/);
  assert.match(shown[2] ?? "", /^200\d+ bytes$/);
});
