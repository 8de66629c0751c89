/** True when the two types are the same, `any` and `readonly` included. */
export type IsSame<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only when the value has exactly the type T: `isExactly<number>()(value)`. */
export function isExactly<T>(): <V>(value: V, ...proof: IsSame<V, T> extends true ? [] : [never]) => void {
  return () => {};
}

/** Whether a type is `any`, which is the same as nothing else and fits everything. */
export type IsAny<T> = 0 extends 1 & T ? true : false;
