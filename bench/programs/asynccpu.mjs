// A whole program: two workers, so many no-op tasks, and its end.
import { ProcessTaskPoolExecutor } from "asynccpu";

const noop = (x) => x;

const count = Number(process.argv[2]);
const executor = new ProcessTaskPoolExecutor({ maxWorkers: 2 });
const values = await Promise.all(Array.from({ length: count }, (_, i) => executor.submit(noop, i)));
await executor.shutdown();
if (values.some((value, i) => value !== i)) process.exitCode = 1;
