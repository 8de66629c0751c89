/**
 * What is known of code that was compiled by unpickling, so that it can be pickled once more (nested executors).
 *
 * In such code the names that were imports or constants of the original module are plain variables of a factory
 * function. The registry remembers what each was. A marker at the head of the code leads from V8's script to here.
 */

import type { ExternalNode } from "./graph-format.js";

/** One function inside a factory's code. */
export interface FactoryMember {
  /** Where the function's own source stands in the code. */
  readonly start: number;
  readonly end: number;
  readonly isStrict: boolean;
  /** Variables that the worker filled by itself (imports, builtins, `require`): sent again as what they were. */
  readonly externals: ReadonlyMap<string, ExternalNode>;
  /** Variables that no code assigns to. */
  readonly constants: ReadonlySet<string>;
}

export interface Factory {
  readonly members: readonly FactoryMember[];
}

const MARKER = /^\/\*asynccpu:(\d+)\*\//;

const factories: Factory[] = [];

/** Keeps a place in the registry and gives the marker to put at the head of the code. */
export function reserveFactory(): { readonly marker: string; readonly register: (factory: Factory) => void } {
  const id = factories.push({ members: [] }) - 1;
  return {
    marker: `/*asynccpu:${id}*/`,
    register: (factory) => {
      factories[id] = factory;
    },
  };
}

/** The factory whose code this is; undefined for code that was not compiled by unpickling. */
export function factoryOf(source: string): Factory | undefined {
  const id = MARKER.exec(source)?.[1];
  return id === undefined ? undefined : factories[Number(id)];
}
