import { fileURLToPath } from "node:url";

import { Worker } from "jest-worker";

const count = Number(process.argv[2]);
const file = fileURLToPath(new URL("worker.mjs", import.meta.url));
const farm = new Worker(file, { exposedMethods: ["run"], numWorkers: 2 });
const values = await Promise.all(Array.from({ length: count }, (_, i) => farm.run(i)));
await farm.end();
if (values.some((value, i) => value !== i)) process.exitCode = 1;
