/**
 * How a call of a function with several signatures keeps the one that fits its arguments.
 *
 * Inference from a function takes its last signature alone. So each call has two declarations: one for functions with
 * several signatures, which compares the arguments with each of them, and one for all others, where inference does
 * better (type parameters). What does not work: letting the first one take any function, or turn others away with
 * `never`: generic functions would give `unknown`, and each wrong argument a page of errors.
 */

type Signature<A, R> = readonly [args: A, result: R];

/**
 * The signatures of a function, of more than five the last five; one that has fewer repeats the first, or falls to a
 * shorter form.
 */
type Signatures<F> = F extends {
  (...args: infer A1): infer R1;
  (...args: infer A2): infer R2;
  (...args: infer A3): infer R3;
  (...args: infer A4): infer R4;
  (...args: infer A5): infer R5;
}
  ? [Signature<A1, R1>, Signature<A2, R2>, Signature<A3, R3>, Signature<A4, R4>, Signature<A5, R5>]
  : F extends {
        (...args: infer A1): infer R1;
        (...args: infer A2): infer R2;
        (...args: infer A3): infer R3;
      }
    ? [Signature<A1, R1>, Signature<A2, R2>, Signature<A3, R3>]
    : F extends { (...args: infer A1): infer R1; (...args: infer A2): infer R2 }
      ? [Signature<A1, R1>, Signature<A2, R2>]
      : [];

type IsSame<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

/** The signatures of a function that has several, else none. */
type Overloads<F, All = Signatures<F>> = All extends [infer First, ...unknown[], infer Last]
  ? IsSame<First, Last> extends true
    ? []
    : All
  : [];

type ArgsOf<All> = All extends [Signature<infer A, unknown>, ...infer Rest] ? A | ArgsOf<Rest> : never;

type ResultOf<All, A> = All extends [Signature<infer P, infer R>, ...infer Rest]
  ? A extends P
    ? R
    : ResultOf<Rest, A>
  : never;

type Never8 = [never, never, never, never, never, never, never, never];

/**
 * So many arguments has no call. A declaration that fails by the number of its arguments is left out of the compiler's
 * message, which is then that of the other one alone.
 */
type NoCall = [...Never8, ...Never8, ...Never8, ...Never8];

/** Any function that needs no `this`. */
export type CallableFunction = (this: void, ...args: never[]) => unknown;

/** All there is, as the compiler keeps `true` and `"utf8"` what they are only where it sees primitive types. */
type Anything = string | number | bigint | boolean | symbol | null | undefined | object;

/** The argument lists that a function with several signatures takes. */
export type OverloadArgs<F> = Anything[] & (Overloads<F> extends [] ? NoCall : ArgsOf<Overloads<F>>);

/** What it gives for these arguments: the result of the first signature that takes them. */
export type OverloadResult<F, A> = ResultOf<Overloads<F>, A>;
