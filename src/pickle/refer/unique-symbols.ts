/**
 * Symbols that are in no registry: `Symbol("state")`.
 *
 * Each has a number in the process that it comes from. A worker makes one symbol for each number, so whatever brings
 * the symbol brings the same one, and a nested executor sends it on under the number that it came with.
 */

import process from "node:process";

interface UniqueSymbol {
  readonly id: string;
  readonly description?: string;
}

const ids = new Map<symbol, string>();
const symbols = new Map<string, symbol>();
// Numbers of processes come again, but not at the same time.
const prefix = `${process.pid}@${process.hrtime.bigint()}`;

function remember(symbol: symbol, id: string): void {
  ids.set(symbol, id);
  symbols.set(id, symbol);
}

/** Gives a symbol the number under which workers know it. */
export function describeSymbol(symbol: symbol): UniqueSymbol {
  if (!ids.has(symbol)) remember(symbol, `${prefix}#${ids.size}`);
  const { description } = symbol;
  return { id: ids.get(symbol) ?? "", ...(description !== undefined && { description }) };
}

/** The symbol of that number in this process. */
export function symbolOf({ id, description }: UniqueSymbol): symbol {
  if (!symbols.has(id)) remember(Symbol(description), id);
  return symbols.get(id) ?? Symbol(description);
}
