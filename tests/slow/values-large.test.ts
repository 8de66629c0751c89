/** Values at the limits of what a process can hold, on their way there and back. */

import assert from "node:assert/strict";
import { constants } from "node:buffer";
import { test } from "node:test";

import { AsyncCpuError } from "../../src/index.js";
import { NotSerializableError } from "../../src/index.js";
import { ProcessPoolExecutor } from "../../src/index.js";

const LONGEST = constants.MAX_STRING_LENGTH;

test(`the longest string (${LONGEST} characters) is a value or an error, never a crash`, async () => {
  await using executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  const pid = await executor.submit(() => process.pid);
  for (const character of ["x", "€"]) {
    let length: unknown;
    try {
      length = await executor.submit((text: string) => text.length, character.repeat(LONGEST));
    } catch (error) {
      assert.ok(error instanceof AsyncCpuError, String(error));
      length = LONGEST;
    }
    assert.equal(length, LONGEST);
  }
  const back = await executor.submit((count: number) => "x".repeat(count), LONGEST).catch((error: unknown) => error);
  assert.ok(back instanceof AsyncCpuError || (typeof back === "string" && back.length === LONGEST));
  assert.equal(await executor.submit(() => process.pid), pid);
});

test("several of them, more than a message holds, are an error", async () => {
  await using executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  const pid = await executor.submit(() => process.pid);
  const text = "x".repeat(LONGEST);
  const list = Array.from({ length: 5 }, (_, index) => `${index}${text.slice(1)}`);
  const error: unknown = await executor.submit((all: readonly string[]) => all.length, list).exception();
  assert.ok(error instanceof NotSerializableError, String(error));
  assert.equal(await executor.submit(() => process.pid), pid);
});

test("a nesting of 10,000 levels and more is a value or an error, there and back", async () => {
  await using executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  const pid = await executor.submit(() => process.pid);
  for (const depth of [1000, 10_000, 1_000_000]) {
    let nested: unknown = "leaf";
    for (let level = 0; level < depth; level += 1) nested = { nested };
    const there = await executor.submit((value: unknown) => typeof value, nested).catch((error: unknown) => error);
    assert.ok(there === "object" || there instanceof NotSerializableError, String(there));
    const back = await executor
      .submit((levels: number) => {
        let value: unknown = "leaf";
        for (let level = 0; level < levels; level += 1) value = [value];
        return value;
      }, depth)
      .catch((error: unknown) => error);
    assert.ok(Array.isArray(back) || back instanceof NotSerializableError, String(back));
  }
  assert.equal(await executor.submit(() => process.pid), pid);
});
