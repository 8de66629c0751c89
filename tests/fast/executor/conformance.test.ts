import { ProcessTaskPoolExecutor } from "asynccpu";

import { describeExecutor } from "../../testlibraries/executor-conformance.js";

describeExecutor("processes", (options) => new ProcessTaskPoolExecutor({ maxWorkers: 1, ...options }));
