/** The program as an ES module. */

import { commonCases } from "./run-cases.ts";
import { moduleCases } from "./module-cases.ts";
import { report } from "./run-cases.ts";

await report([...commonCases, ...moduleCases]);
