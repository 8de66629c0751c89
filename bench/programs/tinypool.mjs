import { Tinypool } from "tinypool";

import { runTasks } from "./tasks.mjs";

const filename = new URL("worker.mjs", import.meta.url).href;
const pool = new Tinypool({ filename, runtime: "child_process", minThreads: 2, maxThreads: 2 });
await runTasks(
  (x) => pool.run(x, { name: "run" }),
  (steps) => pool.run(steps, { name: "churn" }),
);
await pool.destroy();
