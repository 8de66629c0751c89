import { fileURLToPath } from "node:url";

import { FixedClusterPool } from "poolifier";

import { runTasks } from "./tasks.mjs";

const file = fileURLToPath(new URL("poolifier-worker.cjs", import.meta.url));
const pool = new FixedClusterPool(2, file, { enableEvents: false });
await runTasks(
  (x) => pool.execute(x, "run"),
  (steps) => pool.execute(steps, "churn"),
);
await pool.destroy();
