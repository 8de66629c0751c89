/** The other end of codec-extended: rebuilds a value that holds errors or instances with an extension. */

import { MEMORY_TAG } from "./codec-extended.js";
import { OPERATION } from "./codec-extended.js";
import { OPERATION_LENGTH } from "./codec-extended.js";
import { decodeWithV8 } from "./codec-v8.js";
import { extensionByTag } from "./codec-extensions.js";
import { fillErrorShell } from "./error-codec-parts.js";
import { makeErrorShell } from "./error-codec-parts.js";
import { openReference } from "../memory/reference.js";
import type { ErrorClassTag } from "./error-codec-classes.js";
import type { OwnErrorClass } from "./error-codec-classes.js";

function damaged(what: string): Error {
  return new Error(`The encoded value is damaged: ${what}.`);
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

/** Names and places, in turn. */
function classesOf(flat: readonly unknown[]): OwnErrorClass[] {
  const classes: OwnErrorClass[] = [];
  for (let at = 0; at < flat.length; at += 2) {
    classes.push({ name: asString(flat[at]), place: optionalString(flat[at + 1]) });
  }
  return classes;
}

function classTagOf(record: readonly unknown[]): ErrorClassTag {
  return { key: asString(record[1]), classes: classesOf(asArray(record[5])) };
}

function begin(record: readonly unknown[]): unknown {
  return isErrorRecord(record) ? makeErrorShell(classTagOf(record), asObject(record[4])) : UNFINISHED;
}

function finish(record: readonly unknown[], begun: unknown): unknown {
  if (record[0] === MEMORY_TAG) return openReference(record[1]);
  if (!isErrorRecord(record)) return extensionByTag(asString(record[0])).decode(record[1]);
  fillErrorShell(begun as Error, {
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

/**
 * Decodes what `encodeExtended` wrote, without its first byte.
 *
 * @throws Error when the bytes are damaged, or when a class's extension is not registered in this process.
 */
export function decodeExtended(bytes: Uint8Array, attachments?: readonly ArrayBuffer[]): unknown {
  const [box, specials, operations] = asArray(decodeWithV8(bytes, attachments));
  const boxed = asArray(box);
  const records = asArray(specials).map(asArray);
  const steps = asArray(operations);
  const instances = records.map(begin);
  for (let at = 0; at + OPERATION_LENGTH <= steps.length; at += OPERATION_LENGTH) {
    const holder = steps[at + 1];
    const key = steps[at + 2];
    const index = Number(steps[at + 3]);
    switch (steps[at]) {
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
      case OPERATION.finish: {
        const record = records[index];
        if (record === undefined) throw damaged("a part is missing");
        instances[index] = finish(record, instances[index]);
        break;
      }
      default:
        throw damaged("an unknown operation");
    }
  }
  return boxed[0];
}
