/** The cases as a test of Vitest or Jest: both have these globals. */

import { moduleCases } from "./module-cases.ts";
import { commonCases } from "./run-cases.ts";
import { failuresOf } from "./run-cases.ts";
import { withoutLeftOut } from "./run-cases.ts";

declare const test: (name: string, fn: () => Promise<void>, limitMs: number) => void;

const LIMIT_MS = 60_000;

test(
  "all cases pass",
  async () => {
    const cases = withoutLeftOut([...commonCases, ...moduleCases]);
    const failures = await failuresOf(cases);
    if (failures.length > 0) throw new Error(`${failures.length} of ${cases.length} failed:\n${failures.join("\n")}`);
    process.stdout.write(`ok ${cases.length}\n`);
  },
  LIMIT_MS,
);
