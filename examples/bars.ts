/**
 * Two maps at once, each with a bar on the terminal; what the workers print goes above the bars. Where stderr is no
 * terminal, there are lines.
 *
 *     npm run build.tests && node build/examples/bars.js
 */

import { ProcessTaskPoolExecutor } from "asynccpu";

/** Keeps a worker busy. */
function resize(picture: number): number {
  const endMs = Date.now() + 20;
  while (Date.now() < endMs);
  if (picture % 25 === 0) console.log(`picture ${picture} is resized`);
  return picture;
}

function* countTo(last: number): Generator<number> {
  for (let each = 1; each <= last; each += 1) yield each;
}

await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 2 });

async function run(label: string, count: number): Promise<void> {
  const view = executor.with({ progress: { label, total: count } });
  for await (const _ of view.mapUnordered(resize, countTo(count)));
}

await Promise.all([run("small pictures", 150), run("large pictures", 75)]);
console.log("All pictures are resized.");
