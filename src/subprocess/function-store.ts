import { ModuleNotFoundError } from "../errors.js";
import { unpickleFunction } from "../pickle/unpickle-function.js";
import type { TaskFunction } from "./run.js";

/** The functions that the parent has sent: pickles at first, built at their first use and kept. */
export class FunctionStore {
  readonly #pickles = new Map<number, Uint8Array>();
  readonly #built = new Map<number, Promise<TaskFunction>>();

  add(functionId: number, pickle: Uint8Array): void {
    this.#pickles.set(functionId, pickle);
  }

  forget(functionId: number): void {
    this.#pickles.delete(functionId);
    this.#built.delete(functionId);
  }

  /**
   * Gives the function. One that can't be built is tried again at its next use: a missing module may appear.
   *
   * @throws ModuleNotFoundError when a module that it needs can't be found.
   */
  load(functionId: number): Promise<TaskFunction> {
    const built = this.#built.get(functionId);
    if (built !== undefined) return built;
    const pickle = this.#pickles.get(functionId);
    if (pickle === undefined) {
      return Promise.reject(new ModuleNotFoundError(`The worker was never sent function ${functionId}.`));
    }
    const building = unpickleFunction(pickle);
    this.#built.set(functionId, building);
    building.catch(() => this.#built.delete(functionId));
    return building;
  }
}
