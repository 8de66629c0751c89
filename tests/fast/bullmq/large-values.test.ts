/** References to large values, as a stranger might write them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { LargeValues } from "../../../src/bullmq/contract/large-values.js";
import { ValueStoreError } from "../../../src/bullmq/index.js";
import type { ValueStore } from "../../../src/bullmq/index.js";

test("a reference reaches nothing in the store but what asynccpu has put there", async () => {
  const touched: string[] = [];
  const store: ValueStore = {
    put: () => Promise.resolve(),
    get: (key) => Promise.resolve(void touched.push(key)),
    delete: (key) => Promise.resolve(void touched.push(key)),
  };
  const values = new LargeValues(store, 1);
  for (const key of ["backups/db.dump", "../x", "1234", "1234-00000000-0000-0000-0000-000000000000.tmp", ""]) {
    const reference = { key, bytes: 0, digest: "" };
    values.forget(reference);
    await assert.rejects(values.unpack(reference, "It"), ValueStoreError);
  }
  assert.deepEqual(touched, []);
  const own = await values.pack(Buffer.from("abc"), 60, "It");
  values.forget(own);
  assert.equal(touched.length, 1);
});
