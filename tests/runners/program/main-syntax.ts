/** The program of what only a compiler understands. */

import { report } from "./run-cases.ts";
import { syntaxCases } from "./syntax-cases.ts";

await report(syntaxCases);
