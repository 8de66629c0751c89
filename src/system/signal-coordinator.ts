/**
 * What happens between a signal's arrival and the end of the process. One listener for each signal, however many executors.
 *
 *     idle ──signal──▶ cleaning up ──all clean, or the limit──▶ restored ──▶ the process ends by the signal,
 *                           │                                                or goes on: the user's listener holds it
 *                           └──second signal──▶ emergency ─────▶ as above, at once
 *
 * The user's own listeners run as ever, since Node calls all of them. Whoever listens decides about the end: then the
 * signal isn't raised again.
 */

import { clearTimeout } from "./timers.js";
import { performance } from "./timers.js";
import { setTimeout } from "./timers.js";

/** Something that has to be cleaned up before the process ends by a signal. */
export interface SignalGuard {
  /** Default: SIGTERM, SIGINT, SIGHUP (on Windows SIGINT, SIGBREAK, SIGHUP). */
  readonly signals?: readonly NodeJS.Signals[];
  /** Longest time that `onSignal` may take, in milliseconds; then `onEmergency` is called. Default: 5000. */
  readonly limitMs?: number;
  /** Cancels and cleans up. Called once, after the user's own listeners; the guard is dropped afterwards. */
  onSignal(signal: NodeJS.Signals): Promise<void>;
  /** Kills everything now, blocking: a second signal came, or `onSignal` failed or took too long. */
  onEmergency(): void;
}

/** A listener of a signal. */
export type SignalListener = (signal: NodeJS.Signals) => void;

/** The process, as far as signals go; replaced in tests. */
export interface SignalHost {
  readonly platform: NodeJS.Platform;
  readonly isMainThread: boolean;
  /** All listeners of a signal, the user's too. */
  listeners(signal: NodeJS.Signals): readonly object[];
  prependListener(signal: NodeJS.Signals, listener: SignalListener): void;
  removeListener(signal: NodeJS.Signals, listener: SignalListener): void;
  /** Ends the process by the signal, if nothing listens to it. */
  raise(signal: NodeJS.Signals): void;
  /** How many listeners of a signal leave the end of the process to others, as those of `signal-exit` do. */
  deferringListenerCount(): number;
}

interface Handling {
  readonly signal: NodeJS.Signals;
  readonly sinceMs: number;
  /** Whether the user listened when the signal arrived; a `once` listener is gone by the end. */
  readonly isHeld: boolean;
  /** Those of the guards' limits. */
  readonly timers: Set<NodeJS.Timeout>;
}

const DEFAULT_LIMIT_MS = 5000;

/**
 * A terminal's Ctrl-C reaches the whole foreground group, and `npm run`, `tsx` and others send it on to their child: one
 * keystroke, two signals. The same signal within this time is its echo, not a second one.
 */
const ECHO_MS = 200;

/** Tells the listeners of every copy of this package, of whatever version, from the user's. */
const LISTENER_MARK = Symbol.for("asynccpu.signalListener");

function isOurs(listener: object): boolean {
  return LISTENER_MARK in listener;
}

function callEmergency(guard: SignalGuard): void {
  try {
    guard.onEmergency();
  } catch {
    // The process is about to end, and the other guards must still have their turn.
  }
}

/** Keeps the listeners, and leads through the clean-up. */
export class SignalCoordinator {
  readonly #host: SignalHost;
  readonly #guards = new Set<SignalGuard>();
  readonly #listeners = new Map<NodeJS.Signals, SignalListener>();
  #handling: Handling | undefined;

  constructor(host: SignalHost) {
    this.#host = host;
  }

  /**
   * Registers a guard. Listening doesn't keep the program alive. In a worker thread nothing is done: signals reach the
   * main thread only.
   *
   * @returns Unregisters the guard.
   * @throws What `process.on` throws for a signal that can't be listened to, such as SIGKILL.
   */
  guard(guard: SignalGuard): () => void {
    if (!this.#host.isMainThread) return () => {};
    // A copy: one guard may be registered several times.
    const registered: SignalGuard = {
      signals: guard.signals ?? this.#defaultSignals(),
      limitMs: guard.limitMs ?? DEFAULT_LIMIT_MS,
      onSignal: (signal) => guard.onSignal(signal),
      onEmergency: () => guard.onEmergency(),
    };
    this.#guards.add(registered);
    try {
      this.#updateListeners();
    } catch (error) {
      this.#drop(registered);
      throw error;
    }
    return () => this.#drop(registered);
  }

  /**
   * SIGQUIT is left alone: it asks for a core dump at once, and the workers end when they see that the parent is gone.
   *
   * Windows has no SIGTERM to listen to (TerminateProcess ends a process without a word). Ctrl-C is SIGINT, Ctrl-Break
   * SIGBREAK, and a closed console SIGHUP, after which Windows ends the process in about 10 s whatever it does.
   */
  #defaultSignals(): readonly NodeJS.Signals[] {
    return this.#host.platform === "win32" ? ["SIGINT", "SIGBREAK", "SIGHUP"] : ["SIGTERM", "SIGINT", "SIGHUP"];
  }

  #drop(guard: SignalGuard): void {
    this.#guards.delete(guard);
    this.#updateListeners();
  }

  #updateListeners(): void {
    const wanted = new Set([...this.#guards].flatMap((guard) => guard.signals ?? []));
    for (const [signal, listener] of this.#listeners) {
      // During a clean-up the guards go one by one, but a second signal must still be heard.
      if (wanted.has(signal) || this.#handling !== undefined) continue;
      this.#listeners.delete(signal);
      this.#host.removeListener(signal, listener);
    }
    for (const signal of wanted) {
      if (this.#listeners.has(signal)) continue;
      const listener: SignalListener = () => this.#onArrival(signal);
      Object.defineProperty(listener, LISTENER_MARK, { value: true });
      // First of all listeners, so that it sees the user's `once` listeners before they remove themselves.
      this.#host.prependListener(signal, listener);
      this.#listeners.set(signal, listener);
    }
  }

  #isHeldByUser(signal: NodeJS.Signals): boolean {
    const others = this.#host.listeners(signal).filter((listener) => !isOurs(listener));
    return others.length > this.#host.deferringListenerCount();
  }

  #onArrival(signal: NodeJS.Signals): void {
    const isHeld = this.#isHeldByUser(signal);
    const now = performance.now();
    if (this.#handling === undefined) {
      this.#handling = { signal, isHeld, sinceMs: now, timers: new Set() };
      void this.#cleanUp(this.#handling);
    } else if (signal !== this.#handling.signal || now - this.#handling.sinceMs >= ECHO_MS) {
      this.#endInEmergency();
      this.#finish(signal, isHeld);
    }
  }

  async #cleanUp(handling: Handling): Promise<void> {
    const concerned = [...this.#guards].filter((guard) => guard.signals?.includes(handling.signal));
    await Promise.all(concerned.map((guard) => this.#ask(guard, handling)));
    for (const timer of handling.timers) clearTimeout(timer);
    // A second signal may have ended it in the meantime.
    if (this.#handling !== handling) return;
    for (const guard of concerned) this.#guards.delete(guard);
    this.#finish(handling.signal, handling.isHeld);
  }

  async #ask(guard: SignalGuard, handling: Handling): Promise<void> {
    const limit = new Promise<boolean>((resolve) => {
      // Referenced: nothing else may be left to keep the process alive until it ends by the signal.
      handling.timers.add(setTimeout(() => resolve(false), guard.limitMs ?? DEFAULT_LIMIT_MS));
    });
    // In a microtask, hence after the user's listeners.
    const asked = Promise.resolve().then(() => guard.onSignal(handling.signal));
    const isClean = await Promise.race([
      asked.then(
        () => true,
        () => false,
      ),
      limit,
    ]);
    if (!isClean && this.#handling === handling) callEmergency(guard);
  }

  #endInEmergency(): void {
    for (const timer of this.#handling?.timers ?? []) clearTimeout(timer);
    for (const guard of this.#guards) callEmergency(guard);
    this.#guards.clear();
  }

  #finish(signal: NodeJS.Signals, wasHeld: boolean): void {
    this.#handling = undefined;
    this.#updateListeners();
    if (wasHeld || this.#isHeldByUser(signal)) return;
    // Guards that came during the clean-up, or didn't want this signal: the process ends under them.
    this.#endInEmergency();
    this.#updateListeners();
    // Another copy of this package still cleans up; it raises the signal when it is done.
    if (this.#host.listeners(signal).some(isOurs)) return;
    this.#host.raise(signal);
  }
}
