/**
 * Notices that functions and classes which a kept pickle holds by value have been changed since, or that some class
 * was registered.
 *
 * It is asked at every submission, so it must cost next to nothing: 16 ns for an arrow function, 30 for one that has a
 * prototype, 290 for a class with five members (medians of 25 rounds of 200,000, Node 20). So of what was added, only
 * what is enumerable counts, and symbols of classes: `Reflect.ownKeys` alone takes 150 to 200 ns.
 */

import { Trace } from "../look/captured-state.js";
import { isStandardProperty } from "../look/function-properties.js";
import { registrationCount } from "../../values/classes/class-registry.js";
import type { AnyFunction } from "../../values/classes/value-writer.js";

interface Mark {
  readonly isUnchanged: () => boolean;
}

/**
 * How many enumerable properties there are, inherited ones included: a loop that finds none takes 5 to 8 ns,
 * `Object.keys` up to 40.
 */
function countKeys(object: object): number {
  let count = 0;
  for (const _key in object) count += 1;
  return count;
}

/** Without running a getter, which somebody may have defined. */
function prototypeOf(fn: AnyFunction): object | null | undefined {
  const value: unknown = Object.getOwnPropertyDescriptor(fn, "prototype")?.value;
  return typeof value === "object" ? value : undefined;
}

/**
 * A pickle that is kept holds no function with enumerable properties of its own, or of its prototype's, so it is
 * enough to count.
 */
class FunctionMark implements Mark {
  readonly #fn: AnyFunction;
  readonly #parent: unknown;
  readonly #keyCount: number;
  readonly #prototype: object | null | undefined;
  readonly #prototypeKeyCount: number;
  readonly #prototypeParent: unknown;

  constructor(fn: AnyFunction) {
    this.#fn = fn;
    this.#parent = Object.getPrototypeOf(fn);
    this.#keyCount = countKeys(fn);
    this.#prototype = prototypeOf(fn);
    this.#prototypeKeyCount = this.#prototype == null ? 0 : countKeys(this.#prototype);
    this.#prototypeParent = this.#prototype == null ? null : Object.getPrototypeOf(this.#prototype);
  }

  isUnchanged(): boolean {
    if (Object.getPrototypeOf(this.#fn) !== this.#parent || countKeys(this.#fn) !== this.#keyCount) return false;
    const prototype = this.#prototype;
    // What is added later is enumerable.
    if (prototype == null) return true;
    if (this.#fn.prototype !== prototype) return false;
    return (
      countKeys(prototype) === this.#prototypeKeyCount && Object.getPrototypeOf(prototype) === this.#prototypeParent
    );
  }
}

interface KnownProperty {
  readonly key: string | symbol;
  readonly descriptor: PropertyDescriptor;
  /** Of a method: what it has been given itself. */
  readonly keyCount: number;
}

/** A class, or its prototype: what it had of its own, and whether it has been given more that is not hidden. */
class ClassMark implements Mark {
  readonly #object: object;
  readonly #parent: unknown;
  readonly #keyCount: number;
  readonly #symbolCount: number;
  readonly #properties: readonly KnownProperty[];

  constructor(object: object) {
    this.#object = object;
    this.#parent = Object.getPrototypeOf(object);
    this.#keyCount = countKeys(object);
    this.#symbolCount = Object.getOwnPropertySymbols(object).length;
    const isClass = typeof object === "function";
    this.#properties = Reflect.ownKeys(object)
      .map((key): KnownProperty => {
        const descriptor = Object.getOwnPropertyDescriptor(object, key) ?? {};
        const value: unknown = descriptor.value;
        return { key, descriptor, keyCount: typeof value === "function" ? countKeys(value) : 0 };
      })
      // Set when the class is made, and hardly ever after.
      .filter(({ key, descriptor }) => (isClass ? !isStandardProperty(key, descriptor) : key !== "constructor"));
  }

  isUnchanged(): boolean {
    const object = this.#object;
    if (Object.getPrototypeOf(object) !== this.#parent) return false;
    if (countKeys(object) !== this.#keyCount) return false;
    if (Object.getOwnPropertySymbols(object).length !== this.#symbolCount) return false;
    for (const { key, descriptor: known, keyCount } of this.#properties) {
      const now = Object.getOwnPropertyDescriptor(object, key);
      if (now === undefined || !Object.is(now.value, known.value)) return false;
      if (now.get !== known.get || now.set !== known.set) return false;
      if (typeof now.value === "function" && countKeys(now.value as object) !== keyCount) return false;
    }
    return true;
  }
}

/** The functions and classes of one pickle, as they were when it was made. */
export class HeldFunctions {
  readonly #marks: Mark[] = [];
  readonly #registrations = registrationCount();

  /** How many there are; a class counts twice. */
  get size(): number {
    return this.#marks.length;
  }

  add(fn: AnyFunction, isClass: boolean): void {
    if (!isClass) this.#marks.push(new FunctionMark(fn));
    else this.#marks.push(new ClassMark(fn), new ClassMark(fn.prototype as object));
  }

  /** Notes a name that nothing declares: a global that is made later would be sent. */
  addUndeclared(name: string): void {
    this.#marks.push({ isUnchanged: () => !Object.hasOwn(globalThis, name) });
  }

  /** Notes what can be read at any time. */
  addRead(read: () => readonly unknown[]): void {
    const before = read().map((each) => new Trace(each));
    this.#marks.push({
      isUnchanged: () => {
        const now = read();
        return now.length === before.length && before.every((each, place) => each.isOf(now[place]));
      },
    });
  }

  /** Whether they are as they were. */
  areUnchanged(): boolean {
    if (registrationCount() !== this.#registrations) return false;
    for (const mark of this.#marks) if (!mark.isUnchanged()) return false;
    return true;
  }
}
