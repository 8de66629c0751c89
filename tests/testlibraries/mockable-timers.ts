/**
 * Imported before the library: its timers then follow node:test's mocks. The library takes them when it is loaded, so
 * that a program's fakes don't stop it.
 */

import timers from "node:timers";

type Functions = Record<string, (...args: unknown[]) => unknown>;

const current = globalThis as unknown as Functions;

for (const name of ["setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval"]) {
  (timers as unknown as Functions)[name] = (...args) => current[name]?.(...args);
}
