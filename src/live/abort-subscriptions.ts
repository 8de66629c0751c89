/**
 * One listener for each abort signal, however many tasks it cancels.
 *
 * Not a listener for each task: Node 20 warns of a leak from the eleventh on, and an EventTarget looks for duplicates
 * at each addition, so that 20,000 tasks with one signal took seconds.
 */

import { CancelledError } from "../errors.js";

interface Subscription {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const subscriptions = new WeakMap<AbortSignal, Subscription>();

function subscribe(signal: AbortSignal): Subscription {
  const callbacks = new Set<() => void>();
  const listener = (): void => {
    subscriptions.delete(signal);
    for (const callback of callbacks) callback();
  };
  signal.addEventListener("abort", listener, { once: true });
  const subscription = { callbacks, listener };
  subscriptions.set(signal, subscription);
  return subscription;
}

/** Calls back when the signal is aborted, in the order of subscription; the function returned calls it off. */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const { callbacks, listener } = subscriptions.get(signal) ?? subscribe(signal);
  callbacks.add(callback);
  return () => {
    callbacks.delete(callback);
    if (callbacks.size > 0 || subscriptions.get(signal)?.callbacks !== callbacks) return;
    subscriptions.delete(signal);
    signal.removeEventListener("abort", listener);
  };
}

/** @throws CancelledError when the signal has been aborted. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new CancelledError(undefined, { cause: signal.reason });
}

/**
 * What comes of a promise, unless the signal is aborted before: what is waited for may never come. @throws
 * CancelledError then.
 */
export async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  throwIfAborted(signal);
  let stopListening = (): void => {};
  const aborted = new Promise<void>((resolve) => {
    stopListening = onAbort(signal, resolve);
  });
  try {
    return await Promise.race([promise, aborted.then(() => throwIfAborted(signal) as never)]);
  } finally {
    stopListening();
  }
}
