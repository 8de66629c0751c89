/** The program without what only ES modules have, so that it can be compiled to CommonJS. */

import { commonCases } from "./run-cases.ts";
import { report } from "./run-cases.ts";

void report(commonCases);
