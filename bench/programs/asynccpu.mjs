// A whole program: two workers, its tasks, and its end.
import { ProcessTaskPoolExecutor } from "asynccpu";

import { runTasks } from "./tasks.mjs";

const noop = (x) => x;

function churn(steps) {
  let state = 1;
  for (let step = 0; step < steps; step += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
  }
  return state;
}

const executor = new ProcessTaskPoolExecutor({ maxWorkers: 2 });
await runTasks(
  (x) => executor.submit(noop, x),
  (steps) => executor.submit(churn, steps),
);
await executor.shutdown();
