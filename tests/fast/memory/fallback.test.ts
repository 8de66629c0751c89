import assert from "node:assert/strict";
import { after } from "node:test";
import { describe } from "node:test";
import { once } from "node:events";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { bindNativeMemory } from "../../../src/memory/native-memory.js";
import { createSharedArray } from "../../../src/index.js";
import { decodeValue } from "../../../src/values/codec.js";
import { disposeSharedArray } from "../../../src/index.js";
import { encodePinned } from "../../../src/memory/pins.js";
import { encodeValue } from "../../../src/values/codec.js";
import { fixturePath } from "../../testlibraries/process-family.js";
import { openReference } from "../../../src/memory/reference.js";
import { referTo } from "../../../src/memory/reference.js";
import { sharedMemoryOf } from "../../../src/index.js";
import { startFixture } from "../../testlibraries/process-family.js";
import { useMemoryHost } from "../../../src/memory/native-memory.js";
import type { ForeignFunctions } from "../../../src/system/foreign-functions.js";
import type { MemoryHost } from "../../../src/memory/native-memory.js";

function missing(): never {
  throw new Error("Cannot find module 'koffi'\nRequire stack: ...");
}

/** Linux, with a koffi whose functions all give the same. */
function fakeHost(answer: number, changes: Partial<MemoryHost> = {}): MemoryHost {
  const foreign: ForeignFunctions = {
    load: () => ({ func: () => () => answer }),
    errno: () => 12,
    os: { errno: { ENOMEM: 12 } },
  };
  return { platform: "linux", arch: "x64", loadForeignFunctions: () => foreign, ...changes };
}

describe("where there is no shared memory", () => {
  after(() => useMemoryHost());

  const HOSTS: readonly [what: string, host: MemoryHost, why: RegExp][] = [
    ["without koffi", fakeHost(1, { loadForeignFunctions: missing }), /Cannot find module 'koffi'\. Everything/],
    ["on macOS", fakeHost(1, { platform: "darwin" }), /written for Linux, not for darwin/],
    ["on Windows", fakeHost(1, { platform: "win32" }), /written for Linux, not for win32/],
    ["on a 32-bit processor", fakeHost(1, { arch: "arm" }), /processors of type arm/],
    ["in a process that others can't look into", fakeHost(0), /not dumpable/],
  ];

  for (const [what, host, why] of HOSTS) {
    test(`${what}, arrays are ordinary ones, are copied, and one warning says so`, async () => {
      useMemoryHost(host);
      const warned = once(process, "warning");
      const array = createSharedArray(Float64Array, 5);
      const [warning] = (await warned) as [Error & { code: string }];
      assert.equal(warning.name, "AsyncCpuWarning");
      assert.equal(warning.code, "ASYNCCPU_NO_SHARED_MEMORY");
      assert.match(warning.message, why);
      const others: Error[] = [];
      const listener = (other: Error): number => others.push(other);
      process.on("warning", listener);
      {
        using second = createSharedArray(BigInt64Array, 2);
        assert.deepEqual([...second], [0n, 0n]);
      }
      array.fill(3);
      const { encoded, pins } = encodePinned(() => encodeValue({ array }, "value"), 1);
      assert.equal(pins, undefined);
      const arrived = decodeValue(encoded) as { array: Float64Array };
      assert.deepEqual([...arrived.array], [3, 3, 3, 3, 3]);
      assert.equal(arrived.array.buffer.byteLength, 40);
      assert.equal(sharedMemoryOf(array), undefined);
      disposeSharedArray(array);
      assert.equal(array[0], 3);
      // A warning is emitted in a later turn.
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      process.off("warning", listener);
      assert.deepEqual(others, []);
    });
  }

  test("a reference from elsewhere gives an error that says why", () => {
    useMemoryHost();
    if (process.platform !== "linux") return;
    using array = createSharedArray(Float64Array, 1);
    const { encoded = [], pins } = encodePinned(() => referTo(array));
    array[Symbol.dispose]();
    useMemoryHost(fakeHost(1, { loadForeignFunctions: missing }));
    assert.throws(() => openReference(encoded), {
      code: "ASYNCCPU_SHARED_MEMORY",
      message: /no shared memory in this/,
    });
    pins?.release();
  });

  test("a whole program works without koffi, and says so once", async () => {
    const blocks = pathToFileURL(fixturePath("blocks-koffi")).href;
    await using program = startFixture("shares-memory", { args: ["copies"], execArgv: ["--import", blocks] });
    const { code, stdout, stderr } = await program.waitForEnd();
    assert.equal(stdout, "[0,2,100000,22,false]\n", stderr);
    assert.equal(code, 0);
    const warnings = stderr.split("\n").filter((line) => line.includes("ASYNCCPU_NO_SHARED_MEMORY"));
    // One of the program's, and one of the worker's, where a task makes such an array too.
    assert.equal(warnings.length, 2, stderr);
    assert.match(stderr, /Cannot find module 'koffi'/);
  });
});

describe(
  "where memory can't be had",
  { skip: process.platform === "linux" ? false : "shared memory is for Linux" },
  () => {
    test("the error names the call and the cause", () => {
      const native = bindNativeMemory({
        ...fakeHost(1),
        loadForeignFunctions: () => ({
          load: () => ({ func: (declaration) => () => (declaration.includes("prctl") ? 1 : -1) }),
          errno: () => 12,
          os: { errno: { ENOMEM: 12 } },
        }),
      });
      assert.throws(() => native.createFile("x", 65_536, 65_536), {
        name: "SharedMemoryError",
        code: "ASYNCCPU_SHARED_MEMORY",
        message: "Making a piece of shared memory failed: ENOMEM. Free memory, or make the array smaller.",
      });
      assert.throws(() => native.map(0, 65_536), {
        message: "Mapping 65536 bytes of shared memory failed: ENOMEM. Free memory, or make the array smaller.",
      });
      assert.throws(() => native.map(0, 65_536 * 70_000), { message: /no room for 4587520000 bytes/ });
    });
  },
);
