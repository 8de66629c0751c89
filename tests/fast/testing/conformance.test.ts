import { InlineTaskExecutor } from "asynccpu/testing";

import { describeExecutor } from "../../testlibraries/executor-conformance.js";

describeExecutor("inline", (options) => new InlineTaskExecutor(options), { isNear: true, hasLogs: false });
