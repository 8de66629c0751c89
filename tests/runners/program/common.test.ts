/** The cases that CommonJS has as well, as a test of Jest. */

import { commonCases } from "./run-cases.ts";
import { failuresOf } from "./run-cases.ts";
import { withoutLeftOut } from "./run-cases.ts";

declare const test: (name: string, fn: () => Promise<void>, limitMs: number) => void;

const LIMIT_MS = 60_000;

test(
  "all cases pass",
  async () => {
    const cases = withoutLeftOut(commonCases);
    const failures = await failuresOf(cases);
    if (failures.length > 0) throw new Error(`${failures.length} of ${cases.length} failed:\n${failures.join("\n")}`);
    process.stdout.write(`ok ${cases.length}\n`);
  },
  LIMIT_MS,
);
