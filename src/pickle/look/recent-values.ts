import { clearTimeout } from "../../system/timers.js";
import { performance } from "../../system/timers.js";
import { setTimeout } from "../../system/timers.js";

interface Entry<V extends object> {
  readonly weak: WeakRef<V>;
  /** Absent when it is the garbage collector's to keep. */
  strong: V | undefined;
  readonly keptMs: number;
  usedMs: number;
}

/**
 * A cache of large values that can be made again: each is kept for a while after it was last asked for, and after that
 * for as long as the garbage collector leaves it.
 */
export class RecentValues<K, V extends object> {
  readonly #entries = new Map<K, Entry<V>>();
  readonly #collected = new FinalizationRegistry<K>((key) => {
    if (this.#entries.get(key)?.weak.deref() === undefined) this.#entries.delete(key);
  });
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires; it may find that there is nothing to be done yet. */
  #dueMs = Infinity;

  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    const value = entry?.strong ?? entry?.weak.deref();
    if (entry === undefined || value === undefined) return undefined;
    entry.usedMs = performance.now();
    entry.strong = value;
    this.#planBefore(entry.usedMs + entry.keptMs);
    return value;
  }

  /** @param keptMs - How long to keep it at least after its last use, in milliseconds. */
  set(key: K, value: V, keptMs: number): void {
    const usedMs = performance.now();
    this.#entries.set(key, { weak: new WeakRef(value), strong: value, keptMs, usedMs });
    this.#collected.register(value, key);
    this.#planBefore(usedMs + keptMs);
  }

  #planBefore(dueMs: number): void {
    if (dueMs >= this.#dueMs) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    // It may be over by now, and Node warns of a negative delay.
    this.#timer = setTimeout(() => this.#letGo(), Math.max(1, Math.ceil(dueMs - performance.now()))).unref();
  }

  #letGo(): void {
    this.#dueMs = Infinity;
    const nowMs = performance.now();
    for (const entry of this.#entries.values()) {
      if (entry.strong === undefined) continue;
      const dueMs = entry.usedMs + entry.keptMs;
      if (dueMs <= nowMs) entry.strong = undefined;
      else this.#planBefore(dueMs);
    }
  }
}
