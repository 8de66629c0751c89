import type { CapturedScope } from "./function-inspector.js";

/** What is known of a variable. */
export interface LookUp {
  readonly isFound: boolean;
  /** Declared, but its declaration has not run yet. */
  readonly isUninitialised: boolean;
  readonly value?: unknown;
}

/** Finds a variable in a chain of scopes, innermost first. */
export function lookUp(scopes: readonly CapturedScope[], name: string): LookUp {
  for (const { variables } of scopes) {
    try {
      if (name in variables) return { isFound: true, isUninitialised: false, value: variables[name] };
    } catch {
      // Node 22 and later throw where Node 20 gives undefined.
      return { isFound: true, isUninitialised: true };
    }
  }
  return { isFound: false, isUninitialised: false };
}
