/** What `asCompleted` and `wait` accept and give. Compiled, never run. */

import { asCompleted } from "../../src/index.js";
import { isExactly } from "./assert-type.js";
import { wait } from "../../src/index.js";
import type { ProcessFuture } from "../../src/index.js";

declare const futures: ProcessFuture<number>[];
declare const promises: Set<Promise<string>>;

for await (const completion of asCompleted(futures, { timeoutMs: 5 })) {
  isExactly<ProcessFuture<number>>()(completion.future);
  if (completion.status === "fulfilled") isExactly<number>()(completion.value);
  // @ts-expect-error it may have been fulfilled
  else completion.value satisfies number;
}

const { done, notDone } = await wait(futures, { returnWhen: "FIRST_COMPLETED", timeoutMs: 5 });
isExactly<Set<ProcessFuture<number>>>()(done);
isExactly<Set<ProcessFuture<number>>>()(notDone);
isExactly<Set<Promise<string>>>()((await wait(promises)).done);

// @ts-expect-error not futures
asCompleted([1, 2]);
// @ts-expect-error no such condition
await wait(futures, { returnWhen: "FIRST" });
