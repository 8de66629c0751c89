/** Tells by a few characters whether a long list of values is what it was. */

import { createHash } from "node:crypto";

const doubles = new Float64Array(1);
const words = new Int32Array(doubles.buffer);

/** Two lanes of MurmurHash3: a number takes a few nanoseconds. */
export class Digest {
  #a = 0x1234_5678;
  #b = 0x2545_f491;

  int(value: number): void {
    const k = Math.imul(value, 0xcc9e_2d51);
    this.#a ^= Math.imul((k << 15) | (k >>> 17), 0x1b87_3593);
    this.#a = (Math.imul((this.#a << 13) | (this.#a >>> 19), 5) + 0xe654_6b64) | 0;
    const m = Math.imul(value, 0x2399_61b1);
    this.#b ^= Math.imul((m << 16) | (m >>> 16), 0x38b3_4ae5);
    this.#b = (Math.imul((this.#b << 17) | (this.#b >>> 15), 5) + 0x52dc_e729) | 0;
  }

  double(value: number): void {
    doubles[0] = value;
    this.int(words[0] ?? 0);
    this.int(words[1] ?? 0);
  }

  text(value: string): void {
    this.int(value.length);
    for (let index = 0; index < value.length; index++) this.int(value.charCodeAt(index));
  }

  primitive(value: unknown): void {
    if (typeof value === "number") this.double(value);
    else {
      // Else the text of a string may be that of another primitive.
      this.int(typeof value === "string" ? 1 : typeof value === "bigint" ? 2 : 3);
      this.text(String(value));
    }
  }

  bytes(value: Uint8Array): void {
    this.text(createHash("sha1").update(value).digest("base64"));
  }

  get result(): string {
    return `${(this.#a >>> 0).toString(36)}.${(this.#b >>> 0).toString(36)}`;
  }
}
