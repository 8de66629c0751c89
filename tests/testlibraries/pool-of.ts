import assert from "node:assert/strict";

import { ProcessPool } from "../../src/pool/process-pool.js";
import { coreOf } from "../../src/executor/executor-core.js";
import type { ProcessPoolExecutor } from "../../src/index.js";

/** The processes behind an executor. */
export function poolOf(executor: ProcessPoolExecutor): ProcessPool {
  const { pool } = coreOf(executor);
  assert.ok(pool instanceof ProcessPool);
  return pool;
}
