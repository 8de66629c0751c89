/** What the workers log from a level on arrives in this process: from `console` and from a named logger alike. */

import { LogQueue } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { QueueListener } from "asynccpu";
import { createConsoleHandler } from "asynccpu";
import { getLogger } from "asynccpu";

function countPrimes(limit: number): number {
  const log = getLogger("primes");
  console.log(`looking below ${limit}`);
  let count = 0;
  for (let candidate = 2; candidate < limit; candidate += 1) {
    let divisor = 2;
    while (divisor * divisor <= candidate && candidate % divisor !== 0) divisor += 1;
    if (divisor * divisor > candidate) count += 1;
  }
  log.info(`found ${count}`, { limit });
  return count;
}

const queue = new LogQueue();
const listener = new QueueListener(queue, createConsoleHandler());
listener.start();
{
  await using executor = new ProcessTaskPoolExecutor({ queue, configurer: () => getLogger().setLevel("info") });
  const limits = [10_000, 100_000, 1_000_000];
  const tasks = limits.map((limit) => executor.with({ name: `below ${limit}` }).createProcessTask(countPrimes, limit));
  console.log(await Promise.all(tasks));
}
await listener.stop();
