import { fileURLToPath } from "node:url";

import { FixedClusterPool } from "poolifier";

const count = Number(process.argv[2]);
const file = fileURLToPath(new URL("poolifier-worker.cjs", import.meta.url));
const pool = new FixedClusterPool(2, file, { enableEvents: false });
const values = await Promise.all(Array.from({ length: count }, (_, i) => pool.execute(i)));
await pool.destroy();
if (values.some((value, i) => value !== i)) process.exitCode = 1;
