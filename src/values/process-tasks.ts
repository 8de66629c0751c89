/** Lets a `ProcessTask` travel in arguments and results: it arrives as the one instance of its process. */

import { ProcessTask } from "../system/process/process-task.js";
import { addExtension } from "./classes/extensions.js";

addExtension({
  tag: "asynccpu.ProcessTask",
  fits: (prototype) => prototype === ProcessTask.prototype,
  encode: (task) => (task as ProcessTask).toPlain(),
  decode: (plain) => ProcessTask.fromPlain(plain),
});
