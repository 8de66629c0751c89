/**
 * How long starting a worker blocks a process that has much memory, by `child_process.spawn` and natively, in turns.
 *
 *     node spawn-probe.js MIB ROUNDS     prints the times, in milliseconds, as one line of JSON
 */

import { check } from "./measure.js";
import { startProcess } from "../src/system/start/start-process.js";
import { useStartHost } from "../src/system/start/start-process.js";
import type { SpawnBlock } from "./run-spawn.js";
import type { StartedProcess } from "../src/system/start/start-process.js";

const BYTES_PER_MIB = 1024 ** 2;

/** As a worker has it. */
const STDIO = ["ignore", "pipe", "pipe", "pipe", "pipe", "pipe"] as const;

function end(child: StartedProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", resolve);
  });
}

async function measure(): Promise<number> {
  const start = performance.now();
  const child = startProcess(process.execPath, ["-e", "0"], { stdio: STDIO, env: process.env, cwd: undefined });
  const ms = performance.now() - start;
  check((await end(child)) === 0, "the process did not end well");
  return ms;
}

const [mib = 0, rounds = 0] = process.argv.slice(2).map(Number);
const memory = Buffer.alloc(mib * BYTES_PER_MIB, 1);
// Neither the children nor their pipes keep this process alive.
const keepAlive = setInterval(() => {}, 1000);
const block: SpawnBlock = { mib, rssBytes: process.memoryUsage.rss(), forkMs: [], firstNativeMs: [], nativeMs: [] };
for (let i = 0; i < rounds; i += 1) {
  useStartHost({ thresholdBytes: Number.POSITIVE_INFINITY });
  block.forkMs.push(await measure());
  useStartHost({ thresholdBytes: 0 });
  // The first one binds the calls and, in the first round, loads koffi.
  block.firstNativeMs.push(await measure());
  block.nativeMs.push(await measure());
}
clearInterval(keepAlive);
check(memory[0] === 1, "the memory is gone");
process.stdout.write(`${JSON.stringify(block)}\n`);
