/** A task reports how far it is: to a callback, and to a loop. */

import { ProcessTaskPoolExecutor } from "asynccpu";
import { currentTask } from "asynccpu";

interface Step {
  readonly percent: number;
  readonly primes: number;
}

function isPrime(candidate: number): boolean {
  for (let divisor = 2; divisor * divisor <= candidate; divisor += 1) if (candidate % divisor === 0) return false;
  return candidate > 1;
}

/** Never gives its event loop a turn; its reports leave all the same. */
function countPrimes(below: number): number {
  let primes = 0;
  for (let candidate = 0; candidate < below; candidate += 1) {
    if (isPrime(candidate)) primes += 1;
    if ((candidate + 1) % (below / 4) === 0) {
      currentTask().report({ percent: (100 * (candidate + 1)) / below, primes } satisfies Step);
    }
  }
  return primes;
}

await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 2 });

const view = executor.with({
  onProgress: ({ percent, primes }: Step) => console.log(`callback: ${percent}%, ${primes} primes`),
});
console.log(`There are ${await view.createProcessTask(countPrimes, 100_000)} primes below 100,000.`);

const future = executor.createProcessTask(countPrimes, 1000);
for await (const step of future.progress) console.log("loop:", step);
console.log(`There are ${await future} primes below 1,000.`);
