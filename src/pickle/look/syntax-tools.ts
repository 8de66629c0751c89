/**
 * The parser and the analyzer of scopes, loaded when the first function needs them: both take 13 ms, and a worker may
 * never.
 *
 * Required, not imported: an import of eslint-scope loads CommonJS packages through a lexer in WebAssembly, which
 * takes 7 MiB and 21 ms in place of 1 MiB and 9 ms.
 */

import { createRequire } from "node:module";

import type * as Acorn from "acorn";
import type * as EslintScope from "eslint-scope";

const requireHere = createRequire(import.meta.url);

/** Acorn. */
export function loadParser(): typeof Acorn {
  return requireHere("acorn") as typeof Acorn;
}

/** Eslint-scope. */
export function loadAnalyzer(): typeof EslintScope {
  return requireHere("eslint-scope") as typeof EslintScope;
}
