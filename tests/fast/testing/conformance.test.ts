import { InlineTaskExecutor } from "../../../src/testing/index.js";
import { describeExecutor } from "../../testlibraries/executor-conformance.js";

describeExecutor("inline", (options) => new InlineTaskExecutor(options));
