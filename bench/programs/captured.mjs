// As asynccpu.mjs, with a function that uses an import and a constant of its module.
import path from "node:path";

import { ProcessTaskPoolExecutor } from "asynccpu";

const folder = "/data";
const nameOf = (i) => path.join(folder, String(i));

const count = Number(process.argv[2]);
const executor = new ProcessTaskPoolExecutor({ maxWorkers: 2 });
const values = await Promise.all(Array.from({ length: count }, (_, i) => executor.submit(nameOf, i)));
await executor.shutdown();
if (values.some((value, i) => value !== nameOf(i))) process.exitCode = 1;
