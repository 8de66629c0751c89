/**
 * State that all copies of this package in one process share.
 *
 * A worker may have two: its own, and one that a task loads. Under tsx that is usual: `require("asynccpu")` compiles a
 * second copy there. What the one has unpickled, a nested executor of the other must be able to pickle again.
 */

/** The state of this name; made when the first copy asks for it. */
export function processWide<T extends object>(name: string, create: () => T): T {
  const key = Symbol.for(`asynccpu.pickle.${name}`);
  const shared = globalThis as typeof globalThis & Record<symbol, T | undefined>;
  const known = shared[key];
  if (known !== undefined) return known;
  const value = create();
  Object.defineProperty(shared, key, { value });
  return value;
}
