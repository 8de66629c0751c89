/**
 * What happens between a signal's arrival and the end of the process. One listener for each signal, however many
 * executors.
 *
 *     idle ──signal──▶ draining ──all drained, the limit,──▶ cleaning up ──all clean, or the limit──▶ restored ──▶ the process
 *                      (those that  or a second signal            │                                                ends by the
 *                       want it)                                  │                                                signal, or goes
 *                                                                 └──one more signal──▶ emergency ─▶ restored      on: the user's
 *                                                                                       at once                    listener holds it
 *
 * The user's own listeners run as ever, since Node calls all of them. Whoever listens decides about the end: then the
 * signal isn't raised again.
 */

import { clearTimeout } from "../timers.js";
import { performance } from "../timers.js";
import { setTimeout } from "../timers.js";

/** Something that has to be cleaned up before the process ends by a signal. */
export interface SignalGuard {
  /** Default: SIGTERM, SIGINT, SIGHUP (on Windows SIGINT, SIGBREAK, SIGHUP). */
  readonly signals?: readonly NodeJS.Signals[];
  /** Longest time that `onSignal` may take, in milliseconds; then `onEmergency` is called. Default: 5000. */
  readonly limitMs?: number;
  /** Longest time that `onDrain` may take, in milliseconds; then `onSignal` is called. Default: 0. */
  readonly drainMs?: number;
  /** Lets what is under way end. Called before `onSignal`, after the user's own listeners. */
  onDrain?(): Promise<void>;
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
  /** The last one that counts. */
  signal: NodeJS.Signals;
  sinceMs: number;
  /** Whether the user listened when a signal arrived; a `once` listener is gone by the end. */
  isHeld: boolean;
  /** How many guards still drain. */
  drainingCount: number;
  /** Ends the draining. */
  readonly hurry: () => void;
  readonly hurried: Promise<void>;
  /** Those of the guards' limits. */
  readonly timers: Set<NodeJS.Timeout>;
}

const DEFAULT_LIMIT_MS = 5000;

/**
 * A terminal's Ctrl-C reaches the whole foreground group, and `npm run`, `tsx` and others send it on to their child:
 * one keystroke, two signals. The same signal within this time is its echo, not a second one.
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
      drainMs: guard.drainMs ?? 0,
      ...(guard.onDrain === undefined ? {} : { onDrain: () => guard.onDrain?.() ?? Promise.resolve() }),
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
    const sinceMs = performance.now();
    const handling = this.#handling;
    if (handling === undefined) {
      let hurry = (): void => {};
      const hurried = new Promise<void>((resolve) => {
        hurry = resolve;
      });
      this.#handling = { signal, isHeld, sinceMs, drainingCount: 0, hurry, hurried, timers: new Set() };
      void this.#cleanUp(this.#handling);
      return;
    }
    if (signal === handling.signal && sinceMs - handling.sinceMs < ECHO_MS) return;
    if (handling.drainingCount > 0) {
      Object.assign(handling, { signal, sinceMs, isHeld: handling.isHeld || isHeld });
      handling.hurry();
      return;
    }
    this.#endInEmergency();
    this.#finish(signal, isHeld);
  }

  async #cleanUp(handling: Handling): Promise<void> {
    const concerned = [...this.#guards].filter((guard) => guard.signals?.includes(handling.signal));
    await Promise.all(concerned.map((guard) => this.#ask(guard, handling)));
    // Another signal may have ended it in the meantime.
    if (this.#handling !== handling) return;
    for (const guard of concerned) this.#guards.delete(guard);
    this.#finish(handling.signal, handling.isHeld);
  }

  async #ask(guard: SignalGuard, handling: Handling): Promise<void> {
    if (guard.onDrain !== undefined) {
      handling.drainingCount += 1;
      const drained = Promise.resolve().then(() => guard.onDrain?.());
      await this.#isDone(Promise.race([drained, handling.hurried]), guard.drainMs, handling);
      handling.drainingCount -= 1;
      if (this.#handling !== handling) return;
    }
    // In a microtask, hence after the user's listeners.
    const cleaned = Promise.resolve().then(() => guard.onSignal(handling.signal));
    const isClean = await this.#isDone(cleaned, guard.limitMs, handling);
    if (!isClean && this.#handling === handling) callEmergency(guard);
  }

  /** Whether it is fulfilled within the limit. */
  async #isDone(work: Promise<unknown>, limitMs: number | undefined, { timers }: Handling): Promise<boolean> {
    const done = work.then(
      () => true,
      () => false,
    );
    const limit = new Promise<boolean>((resolve) => {
      // Referenced: nothing else may be left to keep the process alive until it ends by the signal.
      const timer = setTimeout(() => resolve(false), limitMs ?? 0);
      timers.add(timer);
      void done.then(() => {
        clearTimeout(timer);
        timers.delete(timer);
      });
    });
    return await Promise.race([done, limit]);
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
