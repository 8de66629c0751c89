import assert from "node:assert/strict";
import { describe } from "node:test";
import { it } from "node:test";

import { decodeThrown } from "../../../src/values/thrown.js";
import { decodeValue } from "../../../src/values/codec.js";
import { encodeArguments } from "../../../src/values/codec.js";
import { encodeThrown } from "../../../src/values/thrown.js";
import { encodeValue } from "../../../src/values/codec.js";
import { randomNumbers } from "../../testlibraries/random-numbers.js";

const FRAMES = 20_000;
const FIRST_BYTES = [0x01, 0x02, 0xff];
const MAX_MS_FOR_ONE = 2000;
const MAX_GROWTH_BYTES = 512 * 1024 * 1024;

/** Decodes, and reports whether the bytes were taken for a value; anything thrown must be an Error. */
function survives(bytes: Uint8Array): boolean {
  const before = performance.now();
  try {
    decodeValue(bytes);
    return true;
  } catch (error) {
    assert.ok(error instanceof Error);
    return false;
  } finally {
    assert.ok(performance.now() - before < MAX_MS_FOR_ONE, `slow: ${Buffer.from(bytes).toString("hex")}`);
  }
}

const error = new TypeError("message", { cause: new AggregateError([new RangeError("x")], "several") });
const samples: readonly Uint8Array[] = [
  encodeArguments([42, "text", true, null, undefined, 10n, 1.5, "日本", { a: [1, { b: 2 }] }]),
  encodeValue({ date: new Date(0), map: new Map([[1, { a: /x/g }]]), set: new Set(["a"]), big: 2n ** 200n }, "value"),
  encodeValue(
    [new Float64Array([1, 2]), Buffer.from("abc"), new DataView(new ArrayBuffer(8), 2, 4), { a: [] }],
    "value",
  ),
  encodeValue({ list: [1, error, new Map([[error, error]]), new Set([error])] }, "value"),
  encodeThrown(error),
  encodeThrown(new DOMException("stop", "AbortError")),
];

describe("bytes that nobody encoded", () => {
  it("give an error or a value, quickly: random bytes", () => {
    const random = randomNumbers(1);
    const before = process.memoryUsage().rss;
    let refused = 0;
    for (let frame = 0; frame < FRAMES; frame++) {
      const bytes = Uint8Array.from({ length: Math.floor(random() * 200) }, () => Math.floor(random() * 256));
      if (bytes.length > 1) bytes[0] = FIRST_BYTES[frame % FIRST_BYTES.length] as number;
      // A valid version behind V8's tag, or every frame would fail there.
      const header = bytes[0] === 0xff ? 0 : 1;
      if (bytes.length > header + 2 && bytes[0] !== 0x01) {
        bytes[header] = 0xff;
        bytes[header + 1] = 15;
      }
      if (!survives(bytes)) refused++;
    }
    assert.ok(refused > FRAMES / 2, `${refused} refused`);
    assert.ok(process.memoryUsage().rss - before < MAX_GROWTH_BYTES);
  });

  it("give an error or a value, quickly: changed encodings", () => {
    const random = randomNumbers(2);
    const before = process.memoryUsage().rss;
    for (let frame = 0; frame < FRAMES; frame++) {
      const bytes = Uint8Array.from(samples[frame % samples.length] as Uint8Array);
      const changes = 1 + Math.floor(random() * 3);
      for (let change = 0; change < changes; change++) {
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      }
      survives(bytes);
    }
    assert.ok(process.memoryUsage().rss - before < MAX_GROWTH_BYTES);
  });

  it("give an error: encodings cut short at every byte", () => {
    for (const sample of samples) {
      for (let length = 0; length < sample.length; length++) {
        assert.equal(survives(sample.subarray(0, length)), false, `${length} of ${sample.length} bytes`);
      }
    }
  });

  it("give an error: lengths and counts beyond the end", () => {
    for (const tag of [6, 7, 8, 9, 10]) {
      assert.equal(survives(Uint8Array.of(1, tag, 0xff, 0x7f)), false);
      assert.equal(survives(Uint8Array.of(1, tag, 0xff, 0xff, 0xff, 0xff, 0x0f)), false);
    }
    // Lists in lists, deeper than any encoder goes.
    assert.equal(survives(Uint8Array.from([1, ...Array.from({ length: 2000 }, () => [9, 1]).flat(), 0])), false);
  });

  it("can't make an error of a class by naming a global", () => {
    const encoded = Buffer.from(encodeThrown(new TypeError("x"))).toString("latin1");
    const decoded = decodeThrown(Buffer.from(encoded.replace("TypeError", "WeakValue"), "latin1"));
    assert.equal(Object.getPrototypeOf(decoded), Error.prototype);
    const shorter = decodeThrown(Buffer.from(encoded.replace("TypeError", "__proto__"), "latin1"));
    assert.equal(Object.getPrototypeOf(shorter), Error.prototype);
  });

  it("never make decodeThrown throw", () => {
    const random = randomNumbers(3);
    for (let frame = 0; frame < 2000; frame++) {
      const bytes = Uint8Array.from({ length: Math.floor(random() * 50) }, () => Math.floor(random() * 256));
      decodeThrown(bytes);
    }
    assert.equal((decodeThrown(new Uint8Array(0)) as Error).name, "NotSerializableError");
  });
});
