import process from "node:process";

import { NestingTooDeepError } from "../errors.js";
import { depthOf } from "../system/process/cookie.js";

const MAX_DEPTH_VARIABLE = "ASYNCCPU_MAX_DEPTH";

/** Two or three levels have their uses; at five, with two workers each, there would be 62 processes. */
const DEFAULT_MAX_DEPTH = 5;

/** Why a pool in a process with this environment takes no tasks, if so: it would be one level too deep. */
export function nestingProblem(env: NodeJS.ProcessEnv = process.env): NestingTooDeepError | undefined {
  const wanted = env[MAX_DEPTH_VARIABLE];
  const maxDepth = wanted !== undefined && /^\d+$/.test(wanted) ? Number(wanted) : DEFAULT_MAX_DEPTH;
  const depth = depthOf(env);
  return depth >= maxDepth ? new NestingTooDeepError(depth, maxDepth) : undefined;
}
