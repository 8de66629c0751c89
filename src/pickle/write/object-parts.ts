/** What an object has beside its values: keys, prototypes, and whether it is frozen. */

import { types } from "node:util";

import { EXTENSIBLE } from "../graph/format.js";
import { FROZEN } from "../graph/format.js";
import { NOT_EXTENSIBLE } from "../graph/format.js";
import { SEALED } from "../graph/format.js";
import { hasElementsOnly } from "../../values/extended/array-extras.js";

/** Whether an object may be changed, as the graph has it. */
export function integrityOf(value: object): number {
  if (Object.isExtensible(value)) return EXTENSIBLE;
  if (Object.isFrozen(value)) return FROZEN;
  return Object.isSealed(value) ? SEALED : NOT_EXTENSIBLE;
}

/** The prototypes of an object, the nearest first. */
export function prototypesOf(value: object): object[] {
  const chain: object[] = [];
  let each = Object.getPrototypeOf(value) as object | null;
  while (each !== null) {
    chain.push(each);
    each = Object.getPrototypeOf(each) as object | null;
  }
  return chain;
}

/** Own keys, without the indices of a long typed array: more than 16 Mi of them can't be listed. */
export function ownKeysOf(value: object): (string | symbol)[] {
  return types.isTypedArray(value) && hasElementsOnly(value)
    ? Object.getOwnPropertySymbols(value)
    : Reflect.ownKeys(value);
}

/** Whether an array has no holes, and no accessors among its items. */
export function isDense(array: readonly unknown[]): boolean {
  for (let index = 0; index < array.length; index++) if (!Object.hasOwn(array, index)) return false;
  return true;
}
