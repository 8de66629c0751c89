/** Futures as they settle, and the first of several. */

import { asCompleted } from "asynccpu";
import { ProcessTaskPoolExecutor } from "asynccpu";
import { wait } from "asynccpu";

function checkAge(age: number): string {
  if (age < 0) throw new RangeError(`nobody is ${age}`);
  return `${age} is an age`;
}

function searchForEver(): never {
  for (;;);
}

await using executor = new ProcessTaskPoolExecutor({ maxWorkers: 2, graceMs: 0 });

const futures = [5, -1, 70].map((age) => executor.createProcessTask(checkAge, age));
const lines: string[] = [];
for await (const completion of asCompleted(futures)) {
  lines.push(completion.status === "fulfilled" ? completion.value : String(completion.reason));
}
console.log(lines.toSorted().join("\n"));

const searches = [executor.createProcessTask(searchForEver), executor.createProcessTask(checkAge, 18)];
const { done, notDone } = await wait(searches, { returnWhen: "FIRST_COMPLETED" });
console.log(`first: ${await [...done][0]}`);
for (const future of notDone) future.cancel("another one was quicker");
