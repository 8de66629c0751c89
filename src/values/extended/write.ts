/**
 * Encodes values that hold errors, instances of classes that are kept, symbols, functions, live values, WeakMaps or
 * shared memory: V8 alone would lose what they are. `format.ts` draws the form.
 */

import { types } from "node:util";

import { KIND } from "../classes/classify.js";
import { Refusal } from "../classes/value-writer.js";
import { ValuePath } from "./path.js";
import { classify } from "../classes/classify.js";
import { describeError } from "../errors/parts.js";
import { describeSymbol } from "../classes/symbols.js";
import { encodeInstance } from "../classes/class-registry.js";
import { encodeWithV8 } from "./v8-clone.js";
import { explainRefusal } from "../classes/classify.js";
import { extensionOf } from "../classes/extensions.js";
import { WeakCollections } from "../classes/weak-collections.js";
import { hasHooks } from "../classes/class-registry.js";
import { optInOf } from "../classes/class-registry.js";
import { ownConstructor } from "../classes/classify.js";
import { referTo } from "../../memory/reference.js";
import { refuseBinary } from "../classes/classify.js";
import { refuseShared } from "../../memory/reference.js";
import { toNotSerializable } from "./path.js";
import { EXTENDED_TAG } from "./format.js";
import { OPERATION } from "./format.js";
import { MEMORY_TAG } from "./format.js";
import { SYMBOL_TAG } from "./format.js";
import { SpecialReference } from "./format.js";
import { FUNCTION_TAG } from "./format.js";
import { LIVE_TAG } from "./format.js";
import { WEAK_TAG } from "./format.js";
import { INSTANCE_TAG } from "./format.js";
import type { AnyClass } from "../classes/class-registry.js";
import type { AnyFunction } from "../classes/value-writer.js";
import type { InstanceHooks } from "../classes/class-registry.js";
import type { V8Encoding } from "./v8-clone.js";
import type { PathStep } from "./path.js";
import type { ValueWriter } from "../classes/value-writer.js";

/** How deep the properties of errors are followed, and how many objects of them are sent in all. */
const MAX_ERROR_DEPTH = 100;
const MAX_ERROR_OBJECTS = 10_000;

/**
 * How parts that can't be sent are met: the value as a whole is refused; an error is sent without them (it must
 * arrive, and what libraries hang on errors, such as requests and sockets, is seldom what the catcher wants).
 */
type Mode = "strict" | "lenient";

interface WaitingError {
  readonly index: number;
  readonly parts: readonly (readonly [from: object, to: object])[];
  readonly depth: number;
  readonly errorDepth: number;
}

class Copier {
  readonly path: ValuePath;
  readonly specials: unknown[] = [];
  readonly operations: unknown[] = [];
  readonly #copies: Record<Mode, Map<object, object>> = { strict: new Map(), lenient: new Map() };
  readonly #references = new Map<unknown, SpecialReference>();
  readonly #unfinished = new Set<unknown>();
  readonly #writer: ValueWriter | undefined;
  /** What the writer has given for classes. */
  readonly #classes = new Map<object, unknown>();
  readonly #weakCollections = new WeakCollections<{ readonly index: number; readonly depth: number }>();
  /** Errors whose contents are not copied yet. */
  readonly #waitingErrors: WaitingError[] = [];
  #errorDepth = 0;
  #errorObjects = 0;

  constructor(root: string, writer: ValueWriter | undefined) {
    this.path = new ValuePath(root);
    this.#writer = writer;
  }

  /** Puts the copy of a value into a container; `true` when it is a special, to be set on arrival. */
  put(holder: object, key: PathStep & (string | number), value: unknown, mode: Mode, depth: number): boolean {
    const copied = this.#copy(value, mode, depth);
    const isSpecial = copied instanceof SpecialReference;
    if (isSpecial) this.operations.push(OPERATION.set, holder, key, copied.index);
    // An assignment to `__proto__` would change the prototype.
    const stored = isSpecial ? undefined : copied;
    if (key === "__proto__") {
      Object.defineProperty(holder, key, { value: stored, enumerable: true, configurable: true, writable: true });
    } else {
      (holder as Record<string | number, unknown>)[key] = stored;
    }
    return isSpecial;
  }

  #copy(value: unknown, mode: Mode, depth: number): unknown {
    const isSymbol = typeof value === "symbol";
    if (!isSymbol && typeof value !== "function" && (typeof value !== "object" || value === null)) return value;
    const reference = this.#references.get(value);
    if (reference !== undefined) {
      if (!this.#unfinished.has(value)) return reference;
      return this.#refuse("it holds itself, and an instance that its class encodes can't", mode);
    }
    if (isSymbol) return this.#symbol(value, mode);
    if (typeof value === "function") return this.#function(value as AnyFunction, mode);
    const known = this.#copies.strict.get(value) ?? (mode === "lenient" ? this.#copies.lenient.get(value) : undefined);
    return known ?? this.#copyNew(value, mode, depth);
  }

  #copyNew(object: object, mode: Mode, depth: number): unknown {
    if (mode === "lenient" && (this.#errorDepth > MAX_ERROR_DEPTH || ++this.#errorObjects > MAX_ERROR_OBJECTS)) {
      return this.#refuse("the error holds too much", mode);
    }
    this.#errorDepth += mode === "lenient" ? 1 : 0;
    try {
      return this.#copyByKind(object, mode, depth);
    } finally {
      this.#errorDepth -= mode === "lenient" ? 1 : 0;
    }
  }

  #copyByKind(object: object, mode: Mode, depth: number): unknown {
    const kind = classify(object);
    switch (kind) {
      case KIND.plain:
        return this.#properties(object, this.#remember(object, {}, mode), mode, depth);
      case KIND.array: {
        const copy: unknown[] = [];
        copy.length = (object as unknown[]).length;
        return this.#properties(object, this.#remember(object, copy, mode), mode, depth);
      }
      case KIND.map:
        return this.#map(object as Map<unknown, unknown>, mode, depth);
      case KIND.set:
        return this.#set(object as Set<unknown>, mode, depth);
      case KIND.leaf:
        return object;
      case KIND.binary: {
        const problem = refuseBinary(object) ?? refuseShared(object);
        return problem === undefined ? this.#binary(object) : this.#refuse(problem, mode);
      }
      case KIND.error:
        return this.#error(object, depth);
      case KIND.weak:
        return this.#weak(object, depth);
      case KIND.extension:
        return this.#extension(object, mode, depth);
      case KIND.instance:
        return this.#instance(object, mode, depth);
      case KIND.live:
        return this.#live(object, mode);
      case KIND.refused:
        return this.#refuse(explainRefusal(object), mode);
    }
  }

  #symbol(symbol: symbol, mode: Mode): unknown {
    const description = describeSymbol(symbol);
    return description === undefined
      ? this.#refuse(explainRefusal(symbol), mode)
      : this.#finished(symbol, SYMBOL_TAG, description);
  }

  /** A special that needs nothing else. */
  #finished(original: unknown, tag: string, plain: unknown): SpecialReference {
    const reference = this.#newSpecial(original, [tag, plain]);
    this.operations.push(OPERATION.finish, undefined, undefined, reference.index);
    return reference;
  }

  /** What hangs on errors is not worth a pickle, and no stream is to be read because of it. */
  #function(fn: AnyFunction, mode: Mode): unknown {
    if (this.#writer === undefined || mode === "lenient" || types.isProxy(fn)) {
      return this.#refuse(explainRefusal(fn), mode);
    }
    const written = this.#writer.writeFunction(fn);
    if (written instanceof Refusal) throw this.path.refuse(written.what, { cause: written.cause });
    return this.#finished(fn, FUNCTION_TAG, written);
  }

  #live(object: object, mode: Mode): unknown {
    if (this.#writer?.offer === undefined || mode === "lenient") return this.#refuse(explainRefusal(object), mode);
    const offered = this.#writer.offer(object);
    if (offered instanceof Refusal) throw this.path.refuse(offered.what, { cause: offered.cause });
    return this.#finished(object, LIVE_TAG, offered);
  }

  /** The class itself, for a receiver that doesn't know its name. */
  #writeClass(of: AnyClass, mode: Mode): unknown {
    if (this.#writer?.writeClass === undefined) return undefined;
    if (!this.#classes.has(of)) this.#classes.set(of, this.#writer.writeClass(of));
    const written = this.#classes.get(of);
    if (!(written instanceof Refusal)) return written;
    if (mode === "strict") throw this.path.refuse(`of its class: ${written.what}`, { cause: written.cause });
    return undefined;
  }

  #instance(instance: object, mode: Mode, depth: number): unknown {
    const optIn = optInOf(ownConstructor(Object.getPrototypeOf(instance) as object));
    if (optIn === undefined) return this.#refuse("its class is registered no longer", mode);
    const record: unknown[] = [INSTANCE_TAG, optIn.name, this.#writeClass(optIn.class, mode), false, undefined];
    if (hasHooks(optIn.class)) return this.#instanceByHooks(instance, optIn.class, record, mode, depth);
    const own = {};
    record[4] = own;
    const reference = this.#newSpecial(instance, record);
    this.#properties(instance, own, mode, depth);
    const hidden = this.#writer?.weakCollections?.entriesOf(instance) ?? [];
    if (hidden.length > 0) record[5] = this.#properties(hidden, [], mode, depth);
    this.operations.push(OPERATION.finish, undefined, undefined, reference.index);
    return reference;
  }

  #instanceByHooks(instance: object, hooks: InstanceHooks, record: unknown[], mode: Mode, depth: number): unknown {
    let plain: unknown;
    try {
      plain = hooks[encodeInstance](instance);
    } catch (cause) {
      if (mode === "lenient") return `[not sent: [encodeInstance] of ${String(record[1])} threw]`;
      throw this.path.refuse(`[encodeInstance] of its class ${String(record[1])} threw`, { cause });
    }
    record[3] = true;
    return this.#wrapped(instance, record, 4, plain, mode, depth);
  }

  #refuse(what: string, mode: Mode): string {
    if (mode === "strict") throw this.path.refuse(what);
    return `[not sent: ${what}]`;
  }

  #remember<T extends object>(original: object, copy: T, mode: Mode): T {
    this.#copies[mode].set(original, copy);
    return copy;
  }

  #properties(from: object, to: object, mode: Mode, depth: number): object {
    for (const key of Object.keys(from)) {
      this.path.at(depth, Array.isArray(from) && /^\d+$/.test(key) ? Number(key) : key);
      this.put(to, key, this.#read(from, key, mode), mode, depth + 1);
    }
    return to;
  }

  #read(from: object, key: string, mode: Mode): unknown {
    try {
      return (from as Record<string, unknown>)[key];
    } catch (error) {
      if (mode === "strict") throw error;
      return "[not sent: reading it threw]";
    }
  }

  #map(map: Map<unknown, unknown>, mode: Mode, depth: number): object {
    const copy = this.#remember(map, new Map<unknown, unknown>(), mode);
    const flat: unknown[] = [];
    let hasSpecial = false;
    for (const [key, value] of Map.prototype.entries.call(map) as MapIterator<[unknown, unknown]>) {
      this.path.at(depth, { in: "mapKeys", key });
      hasSpecial = this.put(flat, flat.length, key, mode, depth + 1) || hasSpecial;
      this.path.at(depth, { in: "map", key });
      hasSpecial = this.put(flat, flat.length, value, mode, depth + 1) || hasSpecial;
    }
    if (hasSpecial) this.operations.push(OPERATION.fillMap, copy, flat, 0);
    else for (let index = 0; index < flat.length; index += 2) copy.set(flat[index], flat[index + 1]);
    return copy;
  }

  #set(set: Set<unknown>, mode: Mode, depth: number): object {
    const copy = this.#remember(set, new Set<unknown>(), mode);
    const members: unknown[] = [];
    let hasSpecial = false;
    for (const member of Set.prototype.values.call(set) as SetIterator<unknown>) {
      this.path.at(depth, { in: "set", key: members.length });
      hasSpecial = this.put(members, members.length, member, mode, depth + 1) || hasSpecial;
    }
    if (hasSpecial) this.operations.push(OPERATION.fillSet, copy, members, 0);
    else for (const member of members) copy.add(member);
    return copy;
  }

  #newSpecial(object: unknown, record: unknown[]): SpecialReference {
    const reference = new SpecialReference(this.specials.length);
    this.specials.push(record);
    this.#references.set(object, reference);
    return reference;
  }

  /**
   * A record with an empty tag. What the error holds is copied when all else is: what is reached otherwise as well is
   * copied strictly then, and shared.
   */
  #error(error: object, depth: number): SpecialReference {
    const { classTag, stack, own, hidden } = describeError(error);
    const classes = classTag.classes.flatMap(({ name, place, exportPath }) => [name, place, exportPath]);
    const [ownCopy, hiddenCopy] = [{}, {}];
    const reference = this.#newSpecial(error, ["", classTag.key, stack, ownCopy, hiddenCopy, classes]);
    const parts = [[hidden, hiddenCopy] as const, [own, ownCopy] as const];
    this.#waitingErrors.push({ index: reference.index, parts, depth, errorDepth: this.#errorDepth });
    return reference;
  }

  #weak(object: object, depth: number): SpecialReference {
    const reference = this.#newSpecial(object, [WEAK_TAG, types.isWeakMap(object) ? "WeakMap" : "WeakSet"]);
    this.#weakCollections.add(object, { index: reference.index, depth });
    return reference;
  }

  /** Copies what WeakMaps and WeakSets hold, when all else is copied. */
  finishWeak(): void {
    for (let before = -1; !this.#weakCollections.isEmpty && before < this.operations.length; this.finishErrors()) {
      before = this.operations.length;
      const met = [...this.#copies.strict.keys(), ...this.#references.keys()];
      const keys = met.filter((key): key is object => typeof key !== "symbol");
      for (const [{ index, depth }, key, value] of this.#weakCollections.newEntries(keys)) {
        const flat: unknown[] = [];
        this.path.at(depth, { in: "map", key });
        this.put(flat, 0, key, "strict", depth + 1);
        this.put(flat, 1, value, "strict", depth + 1);
        this.operations.push(OPERATION.addWeakly, undefined, flat, index);
      }
    }
  }

  /** Copies what the errors hold that were met so far. */
  finishErrors(): void {
    const errorDepth = this.#errorDepth;
    for (let next = this.#waitingErrors.shift(); next !== undefined; next = this.#waitingErrors.shift()) {
      this.#errorDepth = next.errorDepth;
      for (const [from, to] of next.parts) this.#properties(from, to, "lenient", next.depth);
      this.operations.push(OPERATION.finish, undefined, undefined, next.index);
    }
    this.#errorDepth = errorDepth;
  }

  /** Itself, for V8 to copy; or, when it is in shared memory, a record with a tag of its own. */
  #binary(object: object): unknown {
    const memory = referTo(object);
    return memory === undefined ? object : this.#finished(object, MEMORY_TAG, memory);
  }

  #extension(instance: object, mode: Mode, depth: number): unknown {
    const extension = extensionOf(instance);
    if (extension === undefined) return this.#refuse(explainRefusal(instance), mode);
    let plain: unknown;
    try {
      plain = extension.encode(instance);
    } catch (cause) {
      if (mode === "lenient") return "[not sent: its contents can't be read]";
      throw this.path.refuse("its contents can't be read", { cause });
    }
    return this.#wrapped(instance, [extension.tag, undefined], 1, plain, mode, depth);
  }

  /** A special that is made of a value by code of its class: so it can't hold itself. */
  #wrapped(instance: object, record: unknown[], key: number, plain: unknown, mode: Mode, depth: number): unknown {
    const reference = this.#newSpecial(instance, record);
    this.#unfinished.add(instance);
    this.put(record, key, plain, mode, depth);
    // Its class's code may look at them.
    this.finishErrors();
    this.#unfinished.delete(instance);
    this.operations.push(OPERATION.finish, undefined, undefined, reference.index);
    return reference;
  }
}

/**
 * Encodes a value that holds specials.
 *
 * @throws NotSerializableError with the path to a part that can't be sent; never for a part of an error.
 */
export function encodeExtended(
  value: unknown,
  root: string,
  roots: "one" | "list",
  how: V8Encoding,
  writer?: ValueWriter,
): Uint8Array {
  const copier = new Copier(root, writer);
  try {
    const box: unknown[] = [undefined];
    if (roots === "one") {
      copier.put(box, 0, value, "strict", 0);
    } else {
      const list: unknown[] = [];
      box[0] = list;
      for (const [index, part] of (value as readonly unknown[]).entries()) {
        copier.path.at(0, index);
        copier.put(list, index, part, "strict", 1);
      }
    }
    copier.finishErrors();
    copier.finishWeak();
    const prefix = Buffer.concat([how.prefix ?? new Uint8Array(), Uint8Array.of(EXTENDED_TAG)]);
    return encodeWithV8([box, copier.specials, copier.operations], { ...how, prefix });
  } catch (error) {
    throw toNotSerializable(error, copier.path);
  }
}
