import { fileURLToPath } from "node:url";

import { Worker } from "jest-worker";

import { runTasks } from "./tasks.mjs";

const file = fileURLToPath(new URL("worker.mjs", import.meta.url));
const farm = new Worker(file, { exposedMethods: ["run", "churn"], numWorkers: 2 });
await runTasks(
  (x) => farm.run(x),
  (steps) => farm.churn(steps),
);
await farm.end();
