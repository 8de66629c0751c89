import { Piscina } from "piscina";

import { runTasks } from "./tasks.mjs";

const filename = new URL("worker.mjs", import.meta.url).href;
const pool = new Piscina({ filename, minThreads: 2, maxThreads: 2, maxQueue: Infinity });
await runTasks(
  (x) => pool.run(x, { name: "run" }),
  (steps) => pool.run(steps, { name: "churn" }),
);
await pool.destroy();
