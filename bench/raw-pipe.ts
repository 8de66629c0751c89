/**
 * The raw limit: what this machine gives when processes share an own pipe and nothing else. No queue, no cancelling,
 * no errors, no functions, no guard. Not a pool; a measure for one.
 */

import { fileURLToPath } from "node:url";
import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { Writable } from "node:stream";

import { Calls } from "./contender.js";
import { JOB_NAMES } from "./jobs.js";
import { RawPipe } from "./raw-pipe-frame.js";
import type { Contender } from "./contender.js";

const CHILD_PATH = fileURLToPath(new URL("./raw-pipe-child.js", import.meta.url));

export function openRawPipe(workers: number): Contender {
  const calls = new Calls(workers);
  const jobIndices = new Map(JOB_NAMES.map((name, index) => [name, index]));
  const children = Array.from({ length: workers }, (_, index) => {
    const child = spawn(process.execPath, [CHILD_PATH], { stdio: ["ignore", "inherit", "inherit", "pipe", "pipe"] });
    const toChild = child.stdio[3] as Writable;
    const pipe = new RawPipe(
      (buffer) => toChild.write(buffer),
      (id, _job, value) => calls.end(id, index, value),
    );
    (child.stdio[4] as Readable).on("data", (chunk: Buffer) => pipe.take(chunk));
    return { child, pipe };
  });
  return {
    run: (job, value) =>
      calls.begin((id, child) => children[child]?.pipe.send(id, jobIndices.get(job) as number, value)),
    close: async () => {
      const ends = children.map(({ child }) => new Promise((resolve) => child.once("exit", resolve)));
      for (const { child } of children) for (const stream of child.stdio) stream?.destroy();
      await Promise.all(ends);
    },
  };
}
