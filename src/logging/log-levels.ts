/**
 * The levels of this process's loggers, set by name and inherited by name: of "a.b" that of "a", if it has none of its
 * own, else that of the root, whose name is "".
 *
 * They hang on `globalThis` under a registered symbol: a `configurer` and a task may load a copy of the package each.
 */

import { InvalidOptionError } from "../errors.js";
import { LOG_LEVELS } from "./log-record.js";
import { showValue } from "../show-value.js";
import type { LogLevel } from "./log-record.js";

const LEVELS_KEY = Symbol.for("asynccpu.logLevels");

/** Absent until a level is set, as in most processes. */
const shared = globalThis as typeof globalThis & { [LEVELS_KEY]?: Map<string, LogLevel> };

/**
 * Sets the level of a logger; `undefined` has it inherit one again.
 *
 * @throws InvalidOptionError for what is no level.
 */
export function setLogLevel(name: string, level: LogLevel | undefined): void {
  if (level !== undefined && !Object.hasOwn(LOG_LEVELS, level)) {
    const names = Object.keys(LOG_LEVELS).join(", ");
    throw new InvalidOptionError("level", `setLevel() takes one of ${names}, but was given ${showValue(level)}.`);
  }
  const levels = (shared[LEVELS_KEY] ??= new Map());
  if (level === undefined) levels.delete(name);
  else levels.set(name, level);
}

/** Whether a record of this level and logger is wanted. Until a level is set, all are. */
export function isLevelEnabled(level: LogLevel, name = ""): boolean {
  const levels = shared[LEVELS_KEY];
  if (levels === undefined) return true;
  for (let ancestor = name; ; ancestor = ancestor.slice(0, Math.max(0, ancestor.lastIndexOf(".")))) {
    const set = levels.get(ancestor);
    if (set !== undefined) return LOG_LEVELS[level] >= LOG_LEVELS[set];
    if (ancestor === "") return true;
  }
}
