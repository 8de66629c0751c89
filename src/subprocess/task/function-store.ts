import { ModuleNotFoundError } from "../../errors.js";
import { unpickle } from "../../pickle/unpickle-function.js";
import type { Unpickled } from "../../pickle/unpickle-function.js";
import { WorkerModules } from "../../pickle/build/worker-modules.js";

/** A function as it is called in a worker. */
export type TaskFunction = (...args: unknown[]) => unknown;

/** The functions that the parent has sent: pickles at first, built at their first use and kept. */
export class FunctionStore {
  /** The variables that they share, with each other and with what prepares the worker. */
  readonly modules: WorkerModules = new WorkerModules();
  readonly #pickles = new Map<number, Uint8Array>();
  readonly #built = new Map<number, Unpickled>();
  readonly #building = new Map<number, Promise<TaskFunction>>();
  /** The one that was used last: since then nothing has been set for another. */
  #last: Unpickled | undefined;

  add(functionId: number, pickle: Uint8Array): void {
    // A copy, if it is part of what was read with it: that would stay as long as the function does.
    this.#pickles.set(functionId, pickle.byteLength < pickle.buffer.byteLength ? Uint8Array.from(pickle) : pickle);
  }

  /** The function, if it is built. */
  built(functionId: number): TaskFunction | undefined {
    return this.#built.get(functionId)?.fn;
  }

  forget(functionId: number): void {
    this.#pickles.delete(functionId);
    this.#built.delete(functionId);
    this.#building.delete(functionId);
  }

  /**
   * Gives the function: itself when it was built before and the variables of its modules are as they are to be, else
   * the promise of it. To be called when a task begins. One that can't be built is tried again at its next use: a
   * missing module may appear.
   *
   * The promise rejects with ModuleNotFoundError when a module that it needs can't be found.
   */
  load(functionId: number): TaskFunction | Promise<TaskFunction> {
    const built = this.#built.get(functionId);
    if (built === undefined) return this.#building.get(functionId) ?? this.#build(functionId);
    if (built === this.#last || !built.hasState) return built.fn;
    if (!built.isCurrent()) return this.#building.get(functionId) ?? this.#build(functionId, built.fn);
    this.#last = built;
    return built.fn;
  }

  async #build(functionId: number, known?: TaskFunction): Promise<TaskFunction> {
    const pickle = this.#pickles.get(functionId);
    if (pickle === undefined) throw new ModuleNotFoundError(`The worker was never sent function ${functionId}.`);
    // It may set something and fail then.
    this.#last = undefined;
    const building = unpickle(pickle, this.modules, known);
    const fn = building.then((built) => built.fn);
    // It is waited for below.
    fn.catch(() => {});
    this.#building.set(functionId, fn);
    try {
      const built = await building;
      // It may have been forgotten meanwhile.
      if (this.#building.get(functionId) === fn) this.#built.set(functionId, built);
      this.#last = built;
      return built.fn;
    } finally {
      if (this.#building.get(functionId) === fn) this.#building.delete(functionId);
    }
  }
}
