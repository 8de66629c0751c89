/**
 * What is known of code that was compiled by unpickling, so that it can be pickled once more (nested executors).
 *
 * In such code the names that were imports or constants of the original module are plain variables of a factory
 * function. The factory's record says what each was. It hangs in a variable of the code itself, where the inspector
 * finds it in the scopes of every function in there: so it lives as long as these do, in a worker that unpickles for
 * weeks.
 */

import type { ScriptInfo } from "./scripts.js";
import type { ExternalNode } from "../graph/format.js";
import { processWide } from "./process-wide.js";

/** The variable of compiled code that holds its factory's record. */
export const FACTORY_VARIABLE = "$asynccpu_factory$";

/** The variable that tells one instance of a scope in compiled code from others. */
export const FRAME_VARIABLE = "$asynccpu_frame$";

/** One function inside a factory's code. */
export interface FactoryMember {
  /** Where the function's own source stands in the code. */
  readonly start: number;
  readonly end: number;
  /** Where that source stands in the file that it is from. */
  readonly origin: { readonly url: string; readonly line: number; readonly column: number };
  readonly isStrict: boolean;
  /** Variables that the worker filled by itself (imports, builtins, `require`): sent again as what they were. */
  readonly externals: Map<string, ExternalNode>;
  /** Its own variables, and those among them that no code assigns to, or that are constants of the module. */
  readonly slots: ReadonlySet<string>;
  readonly constants: Set<string>;
  readonly ofModule: Set<string>;
  /** Of what is one object in a worker: tells it from others of the module. */
  identity?: string;
}

/** The code out of which a worker has made functions: what those that send such a function on must know of it. */
export interface Factory {
  readonly members: readonly FactoryMember[];
  /** The code, as the inspector would describe it. */
  readonly script: ScriptInfo;
  /** By what the module is known that the code is of. */
  readonly module?: string | undefined;
  /** Its variables that some code assigns to, in the outermost of the code's scopes. */
  readonly moduleNames: ReadonlySet<string>;
}

const factories = processWide("factories", () => new WeakSet<object>());

/** Marks a record as genuine: user code may have a variable of the same name. */
export function registerFactory(factory: Factory): void {
  factories.add(factory);
}

/** Whether a value is the record of a factory, and no variable of the user's that looks like one. */
export function isFactory(value: unknown): value is Factory {
  return typeof value === "object" && value !== null && factories.has(value);
}
