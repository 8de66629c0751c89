import { BIG_VALUES } from "./big-values.js";
import { MANY_TASKS } from "./many-tasks.js";
import { PICKLING } from "./pickling.js";
import { SHARED_MEMORY } from "./shared-memory.js";
import { START_AND_MEMORY } from "./start-and-memory.js";
import type { Measure } from "./measure.js";

/** In the order of the table. */
export const MEASURES: readonly Measure[] = [
  ...MANY_TASKS,
  ...BIG_VALUES,
  ...SHARED_MEMORY,
  ...START_AND_MEMORY,
  PICKLING,
];
