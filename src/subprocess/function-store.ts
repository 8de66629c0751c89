import { ModuleNotFoundError } from "../errors.js";
import { unpickleFunction } from "../pickle/unpickle-function.js";

/** A function as it is called in a worker. */
export type TaskFunction = (...args: unknown[]) => unknown;

/** The functions that the parent has sent: pickles at first, built at their first use and kept. */
export class FunctionStore {
  readonly #pickles = new Map<number, Uint8Array>();
  readonly #built = new Map<number, TaskFunction>();
  readonly #building = new Map<number, Promise<TaskFunction>>();

  add(functionId: number, pickle: Uint8Array): void {
    // A copy, if it is part of what was read with it: that would stay as long as the function does.
    this.#pickles.set(functionId, pickle.byteLength < pickle.buffer.byteLength ? Uint8Array.from(pickle) : pickle);
  }

  /** The function, if it is built. */
  built(functionId: number): TaskFunction | undefined {
    return this.#built.get(functionId);
  }

  forget(functionId: number): void {
    this.#pickles.delete(functionId);
    this.#built.delete(functionId);
    this.#building.delete(functionId);
  }

  /**
   * Gives the function: itself when it was built before, else the promise of it. One that can't be built is tried again at its
   * next use: a missing module may appear.
   *
   * The promise rejects with ModuleNotFoundError when a module that it needs can't be found.
   */
  load(functionId: number): TaskFunction | Promise<TaskFunction> {
    return this.#built.get(functionId) ?? this.#building.get(functionId) ?? this.#build(functionId);
  }

  async #build(functionId: number): Promise<TaskFunction> {
    const pickle = this.#pickles.get(functionId);
    if (pickle === undefined) throw new ModuleNotFoundError(`The worker was never sent function ${functionId}.`);
    const building = unpickleFunction(pickle);
    this.#building.set(functionId, building);
    try {
      const built = await building;
      // It may have been forgotten meanwhile.
      if (this.#building.get(functionId) === building) this.#built.set(functionId, built);
      return built;
    } finally {
      if (this.#building.get(functionId) === building) this.#building.delete(functionId);
    }
  }
}
