// Looks for `any` in the declarations that users of the package see: dist/index.d.cts and all that it leads to. What
// is `any` there switches the compiler off in their programs. Comments don't count.
//
//   npm run dist && node scripts/lint-declarations.mjs
//
// Prints file:line: text for each and ends with 1 when there is one.

import { readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";

const ENTRY = path.join(import.meta.dirname, "..", "dist", "index.d.cts");

const COMMENT = /\/\*[^]*?\*\/|\/\/[^\n]*/g;
const STRING = /"[^"\n]*"|'[^'\n]*'/g;

/** What matches blanked out, line breaks kept. */
function without(pattern, source) {
  return source.replaceAll(pattern, (found) => found.replaceAll(/[^\n]/g, " "));
}

/** The declaration files that a file imports from its own package. */
function importsOf(file, source) {
  return [...source.matchAll(/(?:from|import\()\s*["'](\.[^"']+)["']/g)].map(([, target]) =>
    path.join(path.dirname(file), target.replace(/\.cjs$/, ".d.cts")),
  );
}

const files = new Set([ENTRY]);
const breaches = [];
for (const file of files) {
  const source = without(COMMENT, readFileSync(file, "utf8"));
  for (const imported of importsOf(file, source)) files.add(imported);
  for (const [index, line] of without(STRING, source).split("\n").entries()) {
    if (/\bany\b/.test(line)) breaches.push(`${path.relative(process.cwd(), file)}:${index + 1}: ${line.trim()}`);
  }
}

if (breaches.length > 0) {
  console.log(breaches.join("\n"));
  process.exitCode = 1;
} else {
  console.log(`${files.size} files of declarations hold no any`);
}
