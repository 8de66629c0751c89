/** Symbols that are the same in every process: those of the registry, and the well-known ones. */

import { damaged } from "./damaged.js";

/** A symbol as plain data. */
export type SymbolDescription = readonly ["registry" | "well-known", string];

const wellKnown: ReadonlyMap<symbol, string> = new Map(
  Object.getOwnPropertyNames(Symbol).flatMap((name) => {
    const value: unknown = Object.getOwnPropertyDescriptor(Symbol, name)?.value;
    return typeof value === "symbol" ? [[value, name]] : [];
  }),
);

/** How a symbol is found again in another process; `undefined` for one that exists in this process only. */
export function describeSymbol(symbol: symbol): SymbolDescription | undefined {
  const key = Symbol.keyFor(symbol);
  if (key !== undefined) return ["registry", key];
  const name = wellKnown.get(symbol);
  return name === undefined ? undefined : ["well-known", name];
}

/** @throws Error for a description that stands for no symbol of this process. */
export function symbolOf(description: unknown): symbol {
  const [kind, name] = Array.isArray(description) ? (description as readonly unknown[]) : [];
  if (typeof name === "string") {
    if (kind === "registry") return Symbol.for(name);
    for (const [symbol, known] of wellKnown) if (kind === "well-known" && known === name) return symbol;
  }
  throw damaged("a symbol is unknown here");
}
