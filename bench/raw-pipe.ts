/**
 * The raw limit: what this machine gives when two processes share an own pipe and nothing else. No queue, no cancelling, no errors, no functions, no guard. Not a pool; a measure for one.
 */

import { fileURLToPath } from "node:url";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import type { Writable } from "node:stream";

import { Calls } from "./contender.js";
import { RawPipe } from "./raw-pipe-frame.js";
import { WORKERS } from "./contender.js";
import type { Contender } from "./contender.js";

const CHILD_PATH = fileURLToPath(new URL("./raw-pipe-child.js", import.meta.url));

export function openRawPipe(): Contender {
  const calls = new Calls();
  const children: ChildProcess[] = [];
  const pipes: RawPipe[] = [];
  for (let index = 0; index < WORKERS; index += 1) {
    const child = spawn(process.execPath, [CHILD_PATH], { stdio: ["ignore", "inherit", "inherit", "pipe", "pipe"] });
    const onParcels = (parcels: readonly { id: number; value: unknown }[]): void => {
      for (const { id, value } of parcels) calls.end(id, value);
    };
    children.push(child);
    const toChild = child.stdio[3] as Writable;
    const write = (buffers: readonly Uint8Array[]): void => {
      toChild.cork();
      for (const buffer of buffers) toChild.write(buffer);
      toChild.uncork();
    };
    pipes.push(new RawPipe(child.stdio[4] as Readable, write, onParcels));
  }
  return {
    run: (job, value) => calls.begin((id, child) => pipes[child]?.send({ id, job, value })),
    close: async () => {
      const ends = children.map((child) => new Promise((resolve) => child.once("exit", resolve)));
      for (const child of children) for (const stream of child.stdio) stream?.destroy();
      await Promise.all(ends);
    },
  };
}
