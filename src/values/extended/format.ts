/**
 * The form of what write.ts writes and read.ts reads: one V8 value
 *
 *     [[root], specials, operations]
 *
 * The graph is copied with `undefined` where a special stands, which V8 alone would lose. Each operation is four
 * elements (what, holder, key, index of the special) and is carried out in order; holders are the containers of the
 * graph itself, whose identity V8 keeps. So no key or value of the user's can be taken for a placeholder. Errors and
 * WeakMaps exist as empty shells before the first operation, so cycles through them (an error that is its own cause)
 * are kept; a special made by a user's `decode` exists from its `finish` on.
 */

/** First byte of the encoding; what follows is written by V8. */
export const EXTENDED_TAG = 0x02;

/** The operations. */
export const OPERATION = { set: 0, fillMap: 1, fillSet: 2, finish: 3, addWeakly: 4 } as const;

/** Elements of one operation. */
export const OPERATION_LENGTH = 4;

/** In place of an extension's tag: binary data in shared memory. */
export const MEMORY_TAG = "asynccpu.memory";
/** A symbol that is the same in every process. */
export const SYMBOL_TAG = "asynccpu.symbol";
/** A function or class, by what a writer gave for it. */
export const FUNCTION_TAG = "asynccpu.function";
/** A live value, by what a writer gave for it. */
export const LIVE_TAG = "asynccpu.live";
/** A WeakMap or WeakSet, by the name of its class; it is empty at first. */
export const WEAK_TAG = "asynccpu.weak";
/**
 * An instance of a class that has opted in: name, class (when the receiver may lack it), whether by hooks, contents;
 * and, in turn, numbers of WeakMaps that both processes have, and what these hold for it.
 */
export const INSTANCE_TAG = "asynccpu.instance";

/** Stands in a copy for the special with this index, until its holder is known. */
export class SpecialReference {
  readonly index: number;

  constructor(index: number) {
    this.index = index;
  }
}
