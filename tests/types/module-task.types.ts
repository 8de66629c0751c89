/** What `moduleTask` gives. Compiled, never run. */

import { ProcessTaskPoolExecutor } from "../../src/index.js";
import { isExactly } from "./assert-type.js";
import { moduleTask } from "../../src/index.js";
import type { ProcessFuture } from "../../src/index.js";

declare const executor: ProcessTaskPoolExecutor;
const url = new URL("./tasks.js", import.meta.url);

const add = moduleTask<(a: number, b: number) => number>(url, "add");
isExactly<(a: number, b: number) => number>()(add);
isExactly<ProcessFuture<number>>()(executor.createProcessTask(add, 1, 2));
isExactly<AsyncGenerator<number, void, undefined>>()(executor.map(add, [1], [2]));
// @ts-expect-error a string is no number
executor.createProcessTask(add, 1, "2");
// @ts-expect-error an argument is missing
executor.submit(add, 1);

// Of the module's own type.
const load = moduleTask<(typeof import("node:fs/promises"))["readFile"]>("node:fs/promises", "readFile");
isExactly<(typeof import("node:fs/promises"))["readFile"]>()(load);

// Without a type it takes anything, and gives what must be looked at first.
isExactly<ProcessFuture<unknown>>()(executor.createProcessTask(moduleTask(url, "add"), 1, "2"));
new ProcessTaskPoolExecutor({ initializer: moduleTask(url), configurer: moduleTask(url) });

// @ts-expect-error a name is a string
moduleTask(url, 1);
// @ts-expect-error a type that is no function
moduleTask<number>(url, "add");
// @ts-expect-error no module
moduleTask();
