/** Lets a `ProcessTask` travel in arguments and results: it arrives as the one instance of its process. */

import { ProcessTask } from "../system/process/process-task.js";
import { registerCodecExtension } from "./codec.js";

registerCodecExtension({
  tag: "asynccpu.ProcessTask",
  class: ProcessTask,
  encode: (task: ProcessTask) => task.toPlain(),
  decode: (plain) => ProcessTask.fromPlain(plain),
});
