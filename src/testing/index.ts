/** The public face of asynccpu/testing. */

export { InlineTaskExecutor } from "./inline-task-executor.js";
export { assertNothingLeft } from "./assert-nothing-left.js";
export type { InlineTaskExecutorOptions } from "./inline-task-executor.js";
export type { NothingLeftOptions } from "./assert-nothing-left.js";
