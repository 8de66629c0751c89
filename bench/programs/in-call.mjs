// As asynccpu.mjs, with the function written in the call: each task has a function of its own.
import { ProcessTaskPoolExecutor } from "asynccpu";

const count = Number(process.argv[2]);
const executor = new ProcessTaskPoolExecutor({ maxWorkers: 2 });
const values = await Promise.all(Array.from({ length: count }, (_, i) => executor.submit((x) => x, i)));
await executor.shutdown();
if (values.some((value, i) => value !== i)) process.exitCode = 1;
