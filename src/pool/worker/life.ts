/**
 * How far the life of one worker has come. README.md in `pool/` draws the states that follow from the phase and from
 * the tasks: `open` and `retiring` are idle, busy or cleaning there, and `killed` is ending.
 */
export type Phase = "starting" | "open" | "retiring" | "ending" | "killed" | "dead";

/** Why a worker takes no more tasks: what it was told, what it did, or what was found. */
export type Leaving = "told to end" | "retired" | "killed" | "in doubt" | "ended by itself" | "not started";

/** Why a worker goes to another phase. */
type Reason = Leaving | "ready" | "gone";

/** The phases that may follow on each phase. */
const NEXT: Readonly<Record<Phase, readonly Phase[]>> = {
  starting: ["open", "ending", "killed"],
  open: ["retiring", "ending", "killed"],
  retiring: ["ending", "killed"],
  ending: ["killed", "dead"],
  killed: ["dead"],
  dead: [],
};

/** The phases in which a worker keeps its place in the pool: it takes tasks, or will, or has one. */
const PRESENT: ReadonlySet<Phase> = new Set(["starting", "open", "retiring"]);

/** The one state of a worker, which changes in the ways that `NEXT` allows. */
export class WorkerLife {
  readonly #onLeaving: () => void;
  #phase: Phase = "starting";
  #leaving: Reason | undefined;

  /** @param onLeaving - Called once, when the worker has given up its place. */
  constructor(onLeaving: () => void) {
    this.#onLeaving = onLeaving;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Why it has left; `undefined` before. */
  get leaving(): Reason | undefined {
    return this.#leaving;
  }

  /** Whether it has given up its place in the pool. */
  get hasLeft(): boolean {
    return !PRESENT.has(this.#phase);
  }

  /** Whether it was ready for tasks, and has not left. */
  get isOpen(): boolean {
    return this.#phase === "open" || this.#phase === "retiring";
  }

  /** Whether it goes when it has no task any more. */
  get isRetiring(): boolean {
    return this.#phase === "retiring";
  }

  get isKilled(): boolean {
    return this.#phase === "killed";
  }

  /**
   * Goes to another phase. A worker that gives up its place by this keeps the reason.
   *
   * @throws Error for a step that is not in `NEXT`: a fault of the caller.
   */
  moveTo(phase: Phase, why: Reason): void {
    if (!NEXT[this.#phase].includes(phase)) {
      throw new Error(`A worker can't go from "${this.#phase}" to "${phase}" (${why}).`);
    }
    const wasPresent = !this.hasLeft;
    this.#phase = phase;
    if (!wasPresent || !this.hasLeft) return;
    this.#leaving = why;
    this.#onLeaving();
  }

  /** Gives up its place, unless it has done so before. @returns Whether it has done so now. */
  leave(why: Leaving): boolean {
    if (this.hasLeft) return false;
    this.moveTo("ending", why);
    return true;
  }
}
