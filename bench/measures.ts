import { BIG_VALUES } from "./big-values.js";
import { LITTLE_WARM } from "./little-warm.js";
import { MANY_TASKS } from "./many-tasks.js";
import { PICKLING } from "./pickling.js";
import { SHARED_MEMORY } from "./shared-memory.js";
import { START_AND_MEMORY } from "./start-and-memory.js";
import type { Measure } from "./measure.js";

/** In the order of the table, with those of programs that are hardly warm last: these have a table of their own. */
export const MEASURES: readonly Measure[] = [
  ...MANY_TASKS,
  ...BIG_VALUES,
  ...SHARED_MEMORY,
  ...START_AND_MEMORY,
  PICKLING,
  ...LITTLE_WARM,
];
