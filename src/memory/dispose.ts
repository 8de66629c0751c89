/** Giving shared memory back before the last view of it is collected. */

import { segmentOf } from "./segment.js";

function disposeThis(this: object): void {
  segmentOf(this)?.dispose();
}

/** Gives an array a `[Symbol.dispose]`, for `using`. */
export function makeDisposable<T extends object>(array: T): T & Disposable {
  Object.defineProperty(array, Symbol.dispose, { value: disposeThis, configurable: true, writable: true });
  return array as T & Disposable;
}

/** Whether a function is the `[Symbol.dispose]` of shared arrays, which every process has its own of. */
function isDisposer(value: unknown): boolean {
  return value === disposeThis;
}

/** Whether an array was made by `makeDisposable`. Runs no code of the user's. */
export function isDisposable(array: object): boolean {
  return isDisposer(Object.getOwnPropertyDescriptor(array, Symbol.dispose)?.value);
}
