/** One function that is run here and in a worker. */

export interface FunctionCase {
  readonly name: string;
  readonly fn: (...args: never[]) => unknown;
  readonly args: readonly unknown[];
  /** What a call gives, or what its promise becomes. */
  readonly expected: unknown;
}

/** Makes a case; a function that takes no arguments needs no list. */
export function functionCase(
  name: string,
  fn: (...args: never[]) => unknown,
  expected: unknown,
  args: readonly unknown[] = [],
): FunctionCase {
  return { name, fn, args, expected };
}
