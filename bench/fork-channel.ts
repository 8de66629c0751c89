/**
 * `child_process.fork` and its own channel, with structured clones (JSON can't carry binary data): what is there
 * without a library.
 */

import { fileURLToPath } from "node:url";
import { fork } from "node:child_process";

import { Calls } from "./contender.js";
import type { Contender } from "./contender.js";

const CHILD_PATH = fileURLToPath(new URL("./fork-channel-child.js", import.meta.url));

export function openForkChannel(workers: number): Contender {
  const calls = new Calls(workers);
  const children = Array.from({ length: workers }, (_, index) => {
    const child = fork(CHILD_PATH, { serialization: "advanced" });
    child.on("message", (message) => {
      const { id, value } = message as { id: number; value: unknown };
      calls.end(id, index, value);
    });
    return child;
  });
  return {
    run: (job, value) => calls.begin((id, child) => children[child]?.send({ id, job, value })),
    close: async () => {
      const ends = children.map((child) => new Promise((resolve) => child.once("exit", resolve)));
      for (const child of children) child.disconnect();
      await Promise.all(ends);
    },
  };
}
