import { ProcessTaskPoolExecutor } from "../../../src/index.js";
import { describeExecutor } from "../../testlibraries/executor-conformance.js";

describeExecutor("processes", (options) => new ProcessTaskPoolExecutor({ maxWorkers: 1, ...options }));
