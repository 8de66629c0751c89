/** A module whose function fails; `failing-task.ts` runs it in another process. */

export class BillingError extends Error {
  readonly code = "E_BILLING";
  readonly orderId: number;

  constructor(orderId: number, options?: ErrorOptions) {
    super(`Order ${orderId} could not be billed.`, options);
    this.orderId = orderId;
  }
}

function readRate(country: string): number {
  throw new RangeError(`There is no rate for "${country}".`);
}

/** Bills an order. */
export async function billOrder(orderId: number, country: string): Promise<number> {
  await Promise.resolve();
  try {
    return readRate(country) * orderId;
  } catch (cause) {
    throw new BillingError(orderId, { cause });
  }
}
