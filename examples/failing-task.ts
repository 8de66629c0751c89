/**
 * What an error of a task looks like where it is awaited: its class, both places, its cause and its own properties.
 */

import { inspect } from "node:util";

import { ProcessPoolExecutor } from "asynccpu";

import { BillingError } from "./billing.js";
import { billOrder } from "./billing.js";

await using executor = new ProcessPoolExecutor({ maxWorkers: 1 });

async function billAll(orderIds: readonly number[]): Promise<void> {
  for (const orderId of orderIds) await executor.submit(billOrder, orderId, "Utopia");
}

try {
  await billAll([42]);
} catch (error) {
  const colors = process.env["FORCE_COLOR"] !== undefined;
  console.log(inspect(error, { colors }));
  console.log(`error instanceof BillingError: ${inspect(error instanceof BillingError, { colors })}`);
}
