/** Reads what compact/write has written. Trusts no length: what does not fit into the bytes at hand is refused. */

import { damaged } from "../classes/damaged.js";
import { COMPACT_TAG } from "./write.js";
import { MAX_DEPTH } from "./write.js";
import { TAG } from "./write.js";
import { makeWholeView } from "../../memory/view-types.js";

/** Up to this length a loop beats the call into native code. */
const SHORT_STRING = 6;

/** Names of properties come again and again: the last one with each hash is kept. */
const NAME_SLOTS = 512;
const LONGEST_KEPT_NAME = 32;
const keptNames: string[] = Array.from({ length: NAME_SLOTS }, () => "");

const double = new Float64Array(1);
const doubleBytes = new Uint8Array(double.buffer);

class Reader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #position: number;

  constructor(bytes: Buffer, position: number, end: number) {
    this.#bytes = bytes;
    this.#position = position;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.#position === this.#end;
  }

  /** The next of several values. */
  whole(): unknown {
    if (this.#byte() !== COMPACT_TAG) throw damaged();
    return this.node(0);
  }

  node(depth: number): unknown {
    const tag = this.#byte();
    switch (tag) {
      case TAG.null:
        return null;
      case TAG.undefined:
        return undefined;
      case TAG.false:
        return false;
      case TAG.true:
        return true;
      case TAG.int:
        return this.#int();
      case TAG.double:
        return this.#double();
      case TAG.bigint:
        return this.#bigint();
      case TAG.list:
        return this.#list(depth);
      case TAG.object:
        return this.#object(depth);
      case TAG.view:
        return this.#view();
      default:
        return this.#string(tag);
    }
  }

  #byte(): number {
    if (this.#position >= this.#end) throw damaged();
    return this.#bytes[this.#position++] as number;
  }

  /** A length or count; each unit takes at least one byte, so a larger one is a lie. */
  #size(): number {
    let value = this.#byte();
    if (value > 0x7f) {
      value = (value & 0x7f) | (this.#byte() << 7);
      // Two bytes hold all lengths that the writer makes.
      if (value > 0x3fff) throw damaged();
    }
    if (value > this.#end - this.#position) throw damaged();
    return value;
  }

  /** The position before the next bytes, which are there. */
  #take(sizeBytes: number): number {
    const from = this.#position;
    this.#position += sizeBytes;
    if (this.#position > this.#end) throw damaged();
    return from;
  }

  #int(): number {
    const bytes = this.#bytes;
    const at = this.#take(4);
    return (
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    );
  }

  #double(): number {
    const at = this.#take(8);
    for (let index = 0; index < 8; index++) doubleBytes[index] = this.#bytes[at + index] as number;
    return double[0] as number;
  }

  #bigint(): bigint {
    const size = this.#size();
    const at = this.#take(size);
    return BigInt(this.#bytes.toString("latin1", at, at + size));
  }

  #string(tag: number): string {
    if (tag !== TAG.latin1 && tag !== TAG.utf16) throw damaged();
    const size = this.#size();
    const at = this.#take(size);
    if (tag === TAG.utf16) return this.#bytes.toString("utf16le", at, at + size);
    if (size > SHORT_STRING) return this.#bytes.toString("latin1", at, at + size);
    let text = "";
    for (let index = at; index < at + size; index++) text += String.fromCharCode(this.#bytes[index] as number);
    return text;
  }

  #name(): string {
    const tag = this.#byte();
    const size = tag === TAG.latin1 ? (this.#bytes[this.#position] ?? 0) : 0;
    // Longer names, and those with a length of two bytes (whose first byte is at least 0x80), are read as any string.
    if (size === 0 || size > LONGEST_KEPT_NAME) return this.#string(tag);
    const at = this.#take(size + 1) + 1;
    let hash = size;
    for (let index = at; index < at + size; index++) hash = (hash * 31 + (this.#bytes[index] as number)) & 0xffffff;
    const slot = hash % NAME_SLOTS;
    const kept = keptNames[slot] as string;
    if (this.#isName(kept, at, size)) return kept;
    const name = this.#bytes.toString("latin1", at, at + size);
    keptNames[slot] = name;
    return name;
  }

  #isName(name: string, at: number, size: number): boolean {
    if (name.length !== size) return false;
    for (let index = 0; index < size; index++) if (name.charCodeAt(index) !== this.#bytes[at + index]) return false;
    return true;
  }

  #list(depth: number): unknown[] {
    if (depth > MAX_DEPTH) throw damaged();
    const count = this.#size();
    const list: unknown[] = [];
    for (let index = 0; index < count; index++) list.push(this.node(depth + 1));
    return list;
  }

  #view(): ArrayBufferView {
    const type = this.#byte();
    const size = this.#byte() | (this.#byte() << 8) | (this.#byte() << 16);
    const at = this.#take(size);
    const own = new ArrayBuffer(size);
    new Uint8Array(own).set(this.#bytes.subarray(at, at + size));
    return makeWholeView(type, own);
  }

  #object(depth: number): object {
    if (depth > MAX_DEPTH) throw damaged();
    const count = this.#size();
    const object: Record<string, unknown> = {};
    for (let index = 0; index < count; index++) {
      const name = this.#name();
      const value = this.node(depth + 1);
      if (name === "__proto__") {
        // An assignment would change the prototype.
        Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
      } else {
        object[name] = value;
      }
    }
    return object;
  }
}

/**
 * Decodes the value between two positions, of which the first holds COMPACT_TAG.
 *
 * @throws Error when there is anything but one whole value.
 */
export function decodeCompact(bytes: Buffer, from = 0, to: number = bytes.length): unknown {
  const reader = new Reader(bytes, from + 1, to);
  const value = reader.node(0);
  if (!reader.isAtEnd) throw damaged();
  return value;
}

/**
 * Decodes all values, which follow each other.
 *
 * @throws Error when there is anything but whole values.
 */
export function decodeAllCompact(bytes: Buffer): unknown[] {
  const reader = new Reader(bytes, 0, bytes.length);
  const values: unknown[] = [];
  while (!reader.isAtEnd) values.push(reader.whole());
  return values;
}
