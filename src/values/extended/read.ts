/** The other end of write.ts: rebuilds a value that holds more than V8 can copy. */

import { types } from "node:util";

import { damaged } from "../classes/damaged.js";
import { FUNCTION_TAG } from "./format.js";
import { INSTANCE_TAG } from "./format.js";
import { LIVE_TAG } from "./format.js";
import { MEMORY_TAG } from "./format.js";
import { OPERATION } from "./format.js";
import { OPERATION_LENGTH } from "./format.js";
import { SYMBOL_TAG } from "./format.js";
import { WEAK_TAG } from "./format.js";
import { addClass } from "../classes/class-registry.js";
import { classNamed } from "../classes/class-registry.js";
import { decodeFor } from "../errors/class-places.js";
import { decodeInstance } from "../classes/class-registry.js";
import { decodeWithV8 } from "./v8-clone.js";
import { decodedFor } from "../errors/class-places.js";
import { decodeByTag } from "../classes/extensions.js";
import { fillErrorShell } from "../errors/parts.js";
import { hasHooks } from "../classes/class-registry.js";
import { isFromParent } from "../classes/class-registry.js";
import { makeErrorShell } from "../errors/parts.js";
import { openReference } from "../../memory/reference.js";
import { setWeakKey } from "../classes/weak-collections.js";
import { symbolOf } from "../classes/symbols.js";
import type { AnyClass } from "../classes/class-registry.js";
import type { ErrorClassTag } from "../errors/classes.js";
import type { OwnErrorClass } from "../errors/class-places.js";
import type { ValueReader } from "../classes/value-writer.js";

/** A value that was waited for; wrapped, as a promise of an object with a method `then` would call that. */
export class LaterValue {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

/** A special that is not made yet. */
const UNFINISHED = Symbol("unfinished");

function asArray(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw damaged("a list is missing");
  return value;
}

function asObject(value: unknown): object {
  if (typeof value !== "object" || value === null) throw damaged("an object is missing");
  return value;
}

function asString(value: unknown): string {
  if (typeof value !== "string") throw damaged("a name is missing");
  return value;
}

function isErrorRecord(record: readonly unknown[]): boolean {
  return record[0] === "";
}

function optionalString(value: unknown): string | undefined {
  return value === undefined ? undefined : asString(value);
}

/** Names, places and ways from exports, in turn. */
function classesOf(flat: readonly unknown[]): OwnErrorClass[] {
  const classes: OwnErrorClass[] = [];
  for (let at = 0; at < flat.length; at += 3) {
    const [name, place, path] = flat.slice(at, at + 3);
    const exportPath = path === undefined ? undefined : asArray(path).map(asString);
    classes.push({ name: asString(name), place: optionalString(place), exportPath });
  }
  return classes;
}

function classTagOf(record: readonly unknown[]): ErrorClassTag {
  return { key: asString(record[1]), classes: classesOf(asArray(record[5])) };
}

/** Made by its hook from what is finished before it, or filled like an error. */
function isPlainInstance(record: readonly unknown[]): boolean {
  return record[0] === INSTANCE_TAG && record[3] !== true;
}

/** What a reader gives for a record, beforehand; maybe as a promise. */
function prepare(record: readonly unknown[], given: ValueReader | undefined): unknown {
  const [tag, plain, ref] = record;
  if (tag === MEMORY_TAG && given?.isForStrangers === true) throw damaged("it holds what can't be there");
  const reader = given?.isForStrangers === true ? undefined : given;
  if (tag === FUNCTION_TAG || tag === LIVE_TAG) {
    if (reader === undefined) throw damaged("it holds what can't be there");
    return tag === LIVE_TAG ? reader.accept(plain) : reader.readFunction(plain);
  }
  return tag === INSTANCE_TAG ? findClass(asString(plain), ref, reader) : undefined;
}

/** One that a module of this process has registered, or the one that came along. */
function findClass(name: string, ref: unknown, reader: ValueReader | undefined): unknown {
  const known = classNamed(name);
  const isOfParent = known === undefined || isFromParent(known);
  if (!isOfParent || (known !== undefined && ref === undefined)) return known;
  if (reader === undefined || ref === undefined) throw unknownClass(name);
  const loaded = reader.readFunction(ref);
  return loaded instanceof Promise ? adoptLater(name, loaded) : adoptClass(name, loaded);
}

function unknownClass(name: string): Error {
  const advice = name.includes("#") ? ", with a name of its own: registerClass(..., { name })" : "";
  return new Error(`No class "${name}" is registered in this process; call registerClass in it as well${advice}.`);
}

async function adoptLater(name: string, loading: Promise<unknown>): Promise<AnyClass> {
  return adoptClass(name, await loading);
}

/**
 * A class that came along; unless it is one of the user's who has registered it by another name, it is known from now
 * on.
 */
function adoptClass(name: string, loaded: unknown): AnyClass {
  if (typeof loaded !== "function") throw unknownClass(name);
  const adopted = loaded as unknown as AnyClass;
  if (classNamed(name) === undefined) addClass(adopted, name);
  return adopted;
}

function begin(record: readonly unknown[], prepared: unknown): unknown {
  if (isErrorRecord(record)) return makeErrorShell(classTagOf(record), asObject(record[3]), asObject(record[4]));
  if (record[0] === WEAK_TAG) return record[1] === "WeakMap" ? new WeakMap() : new WeakSet();
  return isPlainInstance(record) ? Object.create((prepared as AnyClass).prototype) : UNFINISHED;
}

function finish(record: readonly unknown[], begun: unknown, prepared: unknown, reader?: ValueReader): unknown {
  switch (record[0]) {
    case MEMORY_TAG:
      return openReference(record[1]);
    case SYMBOL_TAG:
      return symbolOf(record[1]);
    case FUNCTION_TAG:
    case LIVE_TAG:
      return prepared;
    case INSTANCE_TAG:
      return finishInstance(record, begun, prepared as AnyClass, reader);
    case "":
      return finishError(record, begun as Error);
    case undefined:
    default:
      return decodeByTag(asString(record[0]), record[1]);
  }
}

function finishInstance(record: readonly unknown[], begun: unknown, of: AnyClass, reader?: ValueReader): unknown {
  if (isPlainInstance(record)) {
    const instance = asObject(begun);
    for (const [key, value] of Object.entries(asObject(record[4]))) setProperty(instance, key, value);
    const hidden = record[5] === undefined ? [] : asArray(record[5]);
    for (let at = 0; at < hidden.length; at += 2) {
      const collection = reader?.weakCollections?.get(Number(hidden[at]));
      if (collection !== undefined) setWeakKey(collection, instance, hidden[at + 1]);
    }
    return begun;
  }
  if (!hasHooks(of)) throw damaged("a class has no hooks");
  return of[decodeInstance](record[4]);
}

function finishError(record: readonly unknown[], begun: Error): Error {
  fillErrorShell(begun, {
    classTag: classTagOf(record),
    stack: optionalString(record[2]),
    own: asObject(record[3]),
    hidden: asObject(record[4]),
  });
  return begun;
}

function setProperty(holder: object, key: unknown, value: unknown): void {
  if (typeof key !== "string" && typeof key !== "number") throw damaged("no key");
  // An assignment to `__proto__` would change the prototype.
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

function fillMap(map: unknown, flat: readonly unknown[]): void {
  if (!(map instanceof Map)) throw damaged("a Map is missing");
  for (let index = 0; index < flat.length; index += 2) map.set(flat[index], flat[index + 1]);
}

function fillSet(set: unknown, members: readonly unknown[]): void {
  if (!(set instanceof Set)) throw damaged("a Set is missing");
  for (const member of members) set.add(member);
}

function addWeakly(collection: unknown, [key, value]: readonly unknown[]): void {
  if (typeof key !== "function") asObject(key);
  if (!types.isWeakMap(collection) && !types.isWeakSet(collection)) throw damaged("a WeakMap is missing");
  setWeakKey(collection, key as object, value);
}

/**
 * Decodes what `encodeExtended` wrote, without its first byte.
 *
 * @param reader - Gives functions and live values. Without one, a value that holds such is damaged.
 * @param path - What the value is, for messages.
 * @returns The value; a promise of a `LaterValue`, when the reader has given one.
 * @throws Error when the bytes are damaged, or tell of what this process does not know.
 */
export function decodeExtended(
  bytes: Uint8Array,
  attachments?: readonly ArrayBuffer[],
  reader?: ValueReader,
  path?: string,
): unknown {
  const [box, specials, operations] = asArray(decodeWithV8(bytes, attachments, path));
  const parts: Parts = {
    box: asArray(box),
    records: asArray(specials).map(asArray),
    operations: asArray(operations),
    reader,
  };
  const prepared: unknown[] = [];
  const prepareAll = (isWanted: (record: readonly unknown[]) => boolean): void => {
    for (const [index, record] of parts.records.entries()) {
      if (isWanted(record)) prepared[index] = prepare(record, reader);
    }
  };
  // Live values first: when another part can't be read, these are known, and are given up.
  prepareAll(([tag]) => tag === LIVE_TAG);
  prepareAll(([tag]) => tag !== LIVE_TAG);
  const later = prepared.filter((part) => part instanceof Promise);
  // They are waited for below, unless another part is damaged.
  for (const part of later) part.catch(() => {});
  return later.length > 0 ? restoreLater(parts, prepared) : restore(parts, prepared);
}

interface Parts {
  readonly box: readonly unknown[];
  readonly records: readonly (readonly unknown[])[];
  readonly operations: readonly unknown[];
  readonly reader: ValueReader | undefined;
}

async function restoreLater(parts: Parts, preparing: readonly unknown[]): Promise<LaterValue> {
  const functions = decodedFor();
  const prepared = await Promise.all(preparing);
  return decodeFor(functions, () => new LaterValue(restore(parts, prepared)));
}

function restore({ box, records, operations, reader }: Parts, prepared: readonly unknown[]): unknown {
  const instances = records.map((record, index) => begin(record, prepared[index]));
  for (let at = 0; at + OPERATION_LENGTH <= operations.length; at += OPERATION_LENGTH) {
    const holder = operations[at + 1];
    const key = operations[at + 2];
    const index = Number(operations[at + 3]);
    switch (operations[at]) {
      case OPERATION.set: {
        const instance = instances[index];
        if (instance === UNFINISHED) throw damaged("a part is used before it is made");
        setProperty(asObject(holder), key, instance);
        break;
      }
      case OPERATION.fillMap:
        fillMap(holder, asArray(key));
        break;
      case OPERATION.fillSet:
        fillSet(holder, asArray(key));
        break;
      case OPERATION.addWeakly:
        addWeakly(instances[index], asArray(key));
        break;
      case OPERATION.finish: {
        const record = records[index];
        if (record === undefined) throw damaged("a part is missing");
        instances[index] = finish(record, instances[index], prepared[index], reader);
        break;
      }
      default:
        throw damaged("an unknown operation");
    }
  }
  return box[0];
}
