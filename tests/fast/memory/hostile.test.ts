import assert from "node:assert/strict";
import { after } from "node:test";
import { before } from "node:test";
import { closeSync } from "node:fs";
import { describe } from "node:test";
import { mkdtempSync } from "node:fs";
import { openSync } from "node:fs";
import { rmSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { tmpdir } from "node:os";
import path from "node:path";

import { SharedMemoryError } from "../../../src/index.js";
import { createSharedArray } from "../../../src/index.js";
import { encodePinned } from "../../../src/memory/pins.js";
import { memoryDescriptors } from "../../fixtures/memory-tasks.js";
import { disposeSharedArray } from "../../../src/index.js";
import { openReference } from "../../../src/memory/reference.js";
import { referTo } from "../../../src/memory/reference.js";
import type { Pins } from "../../../src/memory/pins.js";

const skip = process.platform === "linux" ? false : "shared memory is for Linux";

/** Positions in a reference. */
const ID = 0;
const PID = 1;
const FD = 2;
const SIZE = 3;
const OWNER = 4;
const TYPE = 6;
const OFFSET = 7;
const LENGTH = 8;
const FLAGS = 9;

describe("a reference that lies gives an error, and opens nothing", { skip }, () => {
  let reference: unknown[];
  let pins: Pins | undefined;
  const folder = mkdtempSync(path.join(tmpdir(), "asynccpu-memory-"));
  const fifo = path.join(folder, "fifo");

  before(() => {
    const array = createSharedArray(Float64Array, 100).fill(2);
    const pinned = encodePinned(() => referTo(array));
    reference = [...(pinned.encoded ?? [])];
    // Pinned, it can be opened; disposed, this process doesn't know it any more, as if another one had sent it.
    ({ pins } = pinned);
    array[Symbol.dispose]();
    spawnSync("mkfifo", [fifo]);
  });

  after(() => rmSync(folder, { recursive: true }));

  test("the truth is opened", () => {
    const opened = openReference(reference) as Float64Array;
    assert.deepEqual([opened.length, opened[99]], [100, 2]);
    disposeSharedArray(opened);
  });

  const LIES: readonly [what: string, position: number, value: unknown][] = [
    ["no id", ID, "../../etc/passwd"],
    ["another id", ID, "0".repeat(32)],
    ["no pid", PID, "self"],
    ["a negative pid", PID, -1],
    ["a pid that is not there", PID, 2 ** 22 + 5],
    ["a descriptor that is not there", FD, 9999],
    ["a descriptor of another kind", FD, 1],
    ["a broken descriptor", FD, 1.5],
    ["a path for a descriptor", FD, "1/../../../root"],
    ["a larger size", SIZE, 65_536 * 2],
    ["an odd size", SIZE, 65_537],
    ["no size", SIZE, 0],
    ["a huge size", SIZE, 2 ** 52],
    ["an owner that is none", OWNER, "root"],
    ["an unknown type", TYPE, 99],
    ["a type that is no number", TYPE, "Float64Array"],
    ["an offset behind the end", OFFSET, 65_536],
    ["an offset that is not aligned", OFFSET, 3],
    ["a negative offset", OFFSET, -8],
    ["a length behind the end", LENGTH, 65_544],
    ["a length of no whole elements", LENGTH, 7],
    ["a length that is no number", LENGTH, Number.NaN],
    ["unknown flags", FLAGS, 64],
  ];

  for (const [what, position, value] of LIES) {
    test(what, () => {
      const lie = reference.with(position, value);
      const descriptors = memoryDescriptors().length;
      assert.throws(() => openReference(lie));
      assert.equal(memoryDescriptors().length, descriptors);
    });
  }

  test("what is no reference at all", () => {
    for (const lie of [undefined, null, 1, "x", {}, [], [[]], reference.slice(0, 5)]) {
      assert.throws(() => openReference(lie), SharedMemoryError);
    }
  });

  test("a pipe in the file system is not opened, which could wait for ever", () => {
    // 2: for reading and writing, so that this does not wait itself.
    const fd = openSync(fifo, 2);
    try {
      assert.throws(() => openReference(reference.with(FD, fd)), { code: "ASYNCCPU_SHARED_MEMORY" });
    } finally {
      closeSync(fd);
    }
  });

  test("a reference that was kept finds nothing when the memory is free", () => {
    pins?.release();
    assert.throws(() => openReference(reference), {
      code: "ASYNCCPU_SHARED_MEMORY",
      message: /has ended or has disposed/,
    });
  });
});
