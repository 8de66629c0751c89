/** Large values beside Redis: the folder, and what refers to it. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { mkdirSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import { rmSync } from "node:fs";
import { statSync } from "node:fs";
import { symlinkSync } from "node:fs";
import { test } from "node:test";
import { tmpdir } from "node:os";
import { truncateSync } from "node:fs";
import { writeFileSync } from "node:fs";
import path from "node:path";

import { BullMQTaskExecutor } from "../../../src/bullmq/index.js";
import { BullMQTaskHost } from "../../../src/bullmq/index.js";
import { FolderStore } from "../../../src/bullmq/index.js";
import { InvalidOptionError } from "../../../src/errors.js";
import { LargeValues } from "../../../src/bullmq/contract/large-values.js";
import { MAX_REDIS_BYTES } from "../../../src/bullmq/contract/large-values.js";
import { ValueStoreError } from "../../../src/bullmq/index.js";
import { waitUntil } from "../../testlibraries/wait-until.js";
import type { ValueReference } from "../../../src/bullmq/contract/large-values.js";
import type { ValueStore } from "../../../src/bullmq/index.js";

const root = mkdtempSync(path.join(tmpdir(), "asynccpu-store-"));

after(() => rmSync(root, { recursive: true }));

/** A folder that is not there yet. */
function newFolder(): string {
  return path.join(root, randomUUID(), "inner");
}

async function keysOf(store: FolderStore): Promise<string[]> {
  const keys = [];
  for await (const key of store.keys()) keys.push(key);
  return keys;
}

const BYTES = Buffer.from("a picture");

test("a folder keeps values, for its owner alone, and makes itself", async () => {
  const folder = newFolder();
  const store = new FolderStore(folder);
  assert.deepEqual(await keysOf(store), []);
  assert.equal(await store.get("1-a"), undefined);
  await store.put("1-a", BYTES);
  await store.put("1-a", BYTES);
  assert.deepEqual(await store.get("1-a"), BYTES);
  assert.equal(statSync(path.join(folder, "1-a")).mode & 0o777, 0o600);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.deepEqual(await keysOf(new FolderStore(folder)), ["1-a"]);
  await store.delete("1-a");
  await store.delete("1-a");
  assert.deepEqual(readdirSync(folder), []);
});

test("no key leads out of the folder", async () => {
  const folder = newFolder();
  const store = new FolderStore(folder);
  await store.put("1-a", BYTES);
  const outside = path.join(folder, "..", "outside");
  writeFileSync(outside, "private");
  for (const key of ["", ".", "..", "../outside", "a/../../outside", outside, "a\0b", "-a", ".a", "a".repeat(200)]) {
    await assert.rejects(store.put(key, BYTES), TypeError, key);
    await assert.rejects(store.get(key), TypeError, key);
    await assert.rejects(store.delete(key), TypeError, key);
  }
  symlinkSync(outside, path.join(folder, "link"));
  await assert.rejects(store.get("link"), { code: "ELOOP" });
});

test("what can't be written leaves nothing behind", async () => {
  const folder = newFolder();
  mkdirSync(path.join(folder, "taken", "inner"), { recursive: true });
  await assert.rejects(new FolderStore(folder).put("taken", BYTES), Error);
  assert.deepEqual(readdirSync(folder), ["taken"]);
});

const frame = Buffer.alloc(2000, 7);

async function packInto(
  folder: string,
): Promise<{ readonly values: LargeValues; readonly reference: ValueReference }> {
  const values = new LargeValues(new FolderStore(folder), 1000);
  const packed = await values.pack(frame, 60, "The arguments of task");
  if (typeof packed === "string") throw new Error("It was not large.");
  return { values, reference: packed };
}

test("a large value comes back as it was, or with an error that says what is wrong", async () => {
  const folder = newFolder();
  const { values, reference } = await packInto(folder);
  assert.deepEqual(await values.unpack(reference, "It"), frame);
  assert.deepEqual(await values.unpack(await values.pack(frame.subarray(1000), 60, "It"), "It"), frame.subarray(1000));
  const file = path.join(folder, reference.key);
  truncateSync(file, 1000);
  await assert.rejects(values.unpack(reference, "It"), { name: "ValueStoreError", message: /1000 of 2000 bytes/ });
  writeFileSync(file, Buffer.alloc(2000, 8));
  await assert.rejects(values.unpack(reference, "It"), { name: "ValueStoreError", message: /is not what was put/ });
  rmSync(file);
  await assert.rejects(values.unpack(reference, "It"), { name: "ValueStoreError", message: /^It .* has no / });
  for (const nonsense of [undefined, null, 7, {}, { ...reference, bytes: -1 }, { ...reference, bytes: 2 ** 40 }]) {
    await assert.rejects(values.unpack(nonsense, "It"), { name: "ValueStoreError", message: /is no value/ });
  }
  await assert.rejects(values.unpack({ ...reference, key: "../x" }, "It"), ValueStoreError);
});

test("without a store values go through Redis up to a bound, and the error above it names the option", async () => {
  const values = new LargeValues(undefined, 1000);
  assert.equal(await values.pack(frame, 60, "It"), frame.toString("base64"));
  const tooLarge = Buffer.alloc(MAX_REDIS_BYTES + 1);
  await assert.rejects(values.pack(tooLarge, 60, "It"), { name: "ValueStoreError", message: /option store/ });
  const { reference } = await packInto(newFolder());
  await assert.rejects(values.unpack(reference, "It"), { name: "ValueStoreError", message: /--store FOLDER/ });
});

test("hosts delete what has expired, and nothing else", async () => {
  const folder = newFolder();
  const { values, reference } = await packInto(folder);
  const uuid = randomUUID();
  const strange = ["1-notes", "notes.txt", `x-${uuid}`];
  const expired = [`1000-${uuid}`, `1000-${uuid}.${uuid}.tmp`];
  for (const name of [...expired, ...strange]) writeFileSync(path.join(folder, name), "");
  const stop = values.startSweeps();
  await waitUntil(() => !readdirSync(folder).some((name) => name.startsWith("1000-")), { what: "a sweep" });
  stop();
  assert.deepEqual(readdirSync(folder).toSorted(), [reference.key, ...strange].toSorted());
});

test("a store that fails, or lists nothing, harms no sweep", async () => {
  const asked: string[] = [];
  const uuid = randomUUID();
  const store: ValueStore = {
    put: () => Promise.reject(new Error("full")),
    get: () => Promise.reject(new Error("away")),
    delete: (key) => {
      asked.push(key);
      return Promise.reject(new Error("locked"));
    },
    async *keys() {
      await Promise.resolve();
      yield* [`1-${uuid}`, `2-${uuid}`];
      throw new Error("away");
    },
  };
  const values = new LargeValues(store, 1000);
  const stop = values.startSweeps();
  await waitUntil(() => asked.length === 2, { what: "a sweep" });
  stop();
  new LargeValues({ put: store.put, get: store.get, delete: store.delete }, 1000).startSweeps()();
  await assert.rejects(values.pack(frame, 60, "It"), { name: "ValueStoreError", message: /did not take.*full/ });
  const reference = { key: `3-${uuid}`, bytes: 1, digest: "" };
  await assert.rejects(values.unpack(reference, "It"), { name: "ValueStoreError", message: /did not give.*away/ });
  values.forget(reference);
  values.forget("text");
  await waitUntil(() => asked.length === 3, { what: "a deletion" });
});

test("wrong options are refused at once", () => {
  const shared = { connection: { url: "redis://127.0.0.1:1" }, tasks: "./tasks.js" };
  const wrong = [{ store: {} }, { store: null }, { largeAboveBytes: 0 }, { largeAboveBytes: MAX_REDIS_BYTES + 1 }];
  for (const options of wrong) {
    assert.throws(() => new BullMQTaskExecutor({ ...shared, ...(options as object) }), InvalidOptionError);
    assert.throws(() => new BullMQTaskHost({ ...shared, ...(options as object) }), InvalidOptionError);
  }
  assert.throws(() => new FolderStore(""), InvalidOptionError);
});
