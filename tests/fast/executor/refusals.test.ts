/** Functions that were refused are refused again without another look, while nothing has changed. */

import { deepStrictEqual } from "node:assert/strict";
import { rejects } from "node:assert/strict";
import { strictEqual } from "node:assert/strict";
import inspector from "node:inspector";
import { Socket } from "node:net";
import { describe } from "node:test";
import { it } from "node:test";

import { FunctionNotPicklableError } from "asynccpu";
import { ProcessPoolExecutor } from "asynccpu";

const socket = new Socket();
const holder: { value: unknown } = { value: socket };

/** How often the inspector is opened meanwhile, which each look does. */
async function countLooks(job: () => Promise<void>): Promise<number> {
  const { Session } = inspector;
  let count = 0;
  inspector.Session = class extends Session {
    constructor() {
      super();
      count += 1;
    }
  };
  try {
    await job();
  } finally {
    inspector.Session = Session;
  }
  return count;
}

describe("a refused function", () => {
  it("is refused again without a look, with an error of its own", async () => {
    await using executor = new ProcessPoolExecutor({ maxWorkers: 1 });
    const useSocket = (): unknown => socket.remotePort;
    const errors: unknown[] = [];
    const refuse = async (): Promise<void> => {
      await executor.submit(useSocket).then(
        () => {},
        (error: unknown) => errors.push(error),
      );
    };
    strictEqual(await countLooks(refuse), 1);
    strictEqual(await countLooks(refuse), 0);
    const [first, second] = errors as FunctionNotPicklableError[];
    strictEqual(second instanceof FunctionNotPicklableError, true);
    strictEqual(first === second, false);
    deepStrictEqual(second?.problems, first?.problems);
  });

  it("is looked at anew when what stood in the way may be gone", async () => {
    await using executor = new ProcessPoolExecutor({ maxWorkers: 1 });
    const read = (): unknown => [holder.value, later];
    await rejects(executor.submit(read), /not initialised yet/);
    const later = "later";
    await rejects(executor.submit(read), /holder\.value/);
    holder.value = 5;
    deepStrictEqual(await executor.submit(read), [5, "later"]);
  });
});
