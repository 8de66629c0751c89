/**
 * What a worker has of the program's modules: one set of top-level variables, functions and classes for each.
 *
 * Tasks, initializer, configurer and functions in arguments share it. A pickle brings what a variable was when its
 * function was submitted; it is set just before a task begins, if its stamp is not that of what was set there last.
 */

import type { CompiledFrame } from "./factory-code.js";
import type { Slots } from "./factory-code.js";

/** Something that takes the values of a variable. */
interface User {
  readonly slots: WeakRef<Slots>;
  readonly place: number;
}

/** A variable of a module, or a member of its exports. */
export class ModuleVariable {
  /** Of what was set last; undefined while that is under way. */
  stamp: string | undefined;
  /** What was set last. Tasks may have assigned something else since. */
  value: unknown;
  #users: User[] = [];
  #liveCount = 0;

  /** Has the slot hold what is set from now on. */
  addUser(slots: Slots, place: number): void {
    this.#users.push({ slots: new WeakRef(slots), place });
    // Closures come and go.
    if (this.#users.length < 2 * this.#liveCount + 100) return;
    this.#users = this.#users.filter((user) => user.slots.deref() !== undefined);
    this.#liveCount = this.#users.length;
  }

  set(value: unknown): void {
    this.value = value;
    for (const { slots, place } of this.#users) slots.deref()?.set(place, value);
  }
}

/** A function or class that is one object in the worker. */
export class ModuleFunction {
  readonly #ref: WeakRef<object> | undefined;
  readonly #fn: object | undefined;
  /** Of what it was given last: properties, prototypes. */
  stamp: string | undefined;
  #undo: (() => void)[] = [];

  /** @param isKept - False for a class that the program may make again and again. */
  constructor(fn: object, isKept: boolean) {
    if (isKept) this.#fn = fn;
    else this.#ref = new WeakRef(fn);
  }

  get fn(): object | undefined {
    return this.#fn ?? this.#ref?.deref();
  }

  /** Notes what the keys of an object hold, before they are set. */
  noteBefore(object: object, keys: readonly PropertyKey[]): void {
    for (const key of keys) {
      const before = Object.getOwnPropertyDescriptor(object, key);
      this.#undo.push(() => {
        if (before !== undefined) Reflect.defineProperty(object, key, before);
        else Reflect.deleteProperty(object, key);
      });
    }
  }

  /** Takes away what it was given last. */
  takeBack(): void {
    for (const undo of this.#undo.toReversed()) undo();
    this.#undo = [];
    this.stamp = undefined;
  }
}

/** One module of the program. */
export class WorkerModule {
  readonly variables: Map<string, ModuleVariable> = new Map();
  readonly functions: Map<string, ModuleFunction> = new Map();
  /** Of its variables that some code assigns to, by the unit that is compiled with them. */
  readonly frames: Map<string, CompiledFrame> = new Map();
  readonly #members = new Map<string, object>();
  #liveCount = 0;

  /** The object that holds members of this module: its `exports`, for instance. */
  membersOf(name: string): object {
    const known = this.#members.get(name) ?? {};
    this.#members.set(name, known);
    return known;
  }

  /** Keeps a function or class. */
  keep(identity: string, fn: ModuleFunction): void {
    this.functions.set(identity, fn);
    if (this.functions.size < 2 * this.#liveCount + 100) return;
    for (const [each, known] of this.functions) if (known.fn === undefined) this.functions.delete(each);
    this.#liveCount = this.functions.size;
  }

  /** The variable of this name. */
  variable(name: string): ModuleVariable {
    const known = this.variables.get(name) ?? new ModuleVariable();
    this.variables.set(name, known);
    return known;
  }
}

/** All modules that a worker has functions of. */
export class WorkerModules {
  readonly #modules = new Map<string, WorkerModule>();
  #turn: Promise<unknown> = Promise.resolve();

  module(key: string): WorkerModule {
    const known = this.#modules.get(key) ?? new WorkerModule();
    this.#modules.set(key, known);
    return known;
  }

  /** Does one job after the other: two pickles that come together must not both bring one variable. */
  async inTurn<T>(job: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(job, job);
    this.#turn = turn.catch(() => {});
    return await turn;
  }
}
