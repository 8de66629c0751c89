/**
 * The parser and the analyzer of scopes, loaded when the first function needs them: most programs, and most workers,
 * need neither. In `dist/` one file has both, with all that they import.
 *
 * Required, not imported: an import of eslint-scope loads CommonJS packages through a lexer in WebAssembly, which
 * takes 7 MiB and 21 ms in place of 1 MiB and 9 ms.
 */

import { createRequire } from "node:module";

import type * as Acorn from "acorn";
import type * as EslintScope from "eslint-scope";

import { isBundled } from "../../system/own-files.js";

type Parser = Pick<typeof Acorn, "parse">;

type Analyzer = Pick<typeof EslintScope, "analyze">;

const requireHere = createRequire(import.meta.url);

/** Acorn. */
export function loadParser(): Parser {
  return requireHere(isBundled ? "./syntax.cjs" : "acorn") as Parser;
}

/** Eslint-scope. */
export function loadAnalyzer(): Analyzer {
  return requireHere(isBundled ? "./syntax.cjs" : "eslint-scope") as Analyzer;
}
