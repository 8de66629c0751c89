import { ProcessTaskPoolExecutor } from "asynccpu";

import { describeExecutor } from "../../testlibraries/executor-conformance.js";

describeExecutor(
  "processes",
  ({ logQueue, ...options } = {}) => new ProcessTaskPoolExecutor({ maxWorkers: 1, ...options, queue: logQueue }),
  { isNear: true, hasLogs: true },
);
