/** What `npm run lint.layers` finds. */

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";

import { CHECKOUT } from "../../testlibraries/program-folder.js";
import { ProgramFolder } from "../../testlibraries/program-folder.js";

const LINT_LAYERS = path.join(CHECKOUT, "scripts", "lint-layers.mjs");

/** The breaches in a tree of these files. */
function lint(files: Readonly<Record<string, string>>): string[] {
  using folder = new ProgramFolder();
  folder.write(files);
  const { stdout } = folder.run([LINT_LAYERS, folder.at(".")]);
  return stdout.trimEnd().split("\n").slice(0, -1);
}

test("a dynamic import needs its reason everywhere, and a text that holds one does not", () => {
  const bare = 'export const late = async () =>\n  import("node:fs");\n';
  const reasoned = bare.replace("\n  ", "\n  // Reason: it is dear.\n  ");
  const inTexts = 'const a = "import(1)"; // import(2)\nconst b = `\n  import(3);\n`;\n/* import(4) */\n';
  const files = ["src/index.ts", "tests/fast/a.test.ts", "bench/peers/a.ts", "examples/a.ts", "scripts/a.mjs"];
  const all = (text: string): Record<string, string> => Object.fromEntries(files.map((file) => [file, text]));
  const found = lint({ ...all(bare), "tests/a.ts": inTexts }).filter((each) => each.includes("dynamic import"));
  const breaches = files.map((file) => `${file}:2: a dynamic import needs a "// Reason:" comment above it`);
  assert.deepEqual(found, breaches.toSorted());
  assert.ok(!lint(all(reasoned)).some((each) => each.includes("dynamic import")));
});

test("a file has at most 300 lines of code; imports, comments and blank lines are not counted", () => {
  const head = 'import a from "./a.js";\n\n/*\n * One.\n */\n// Two.\n';
  const code = "a();\n\n// Why.\n";
  const program = "const program = `\n  // It is code here.\n`;\n";
  const [rest, over] = [head + code.repeat(297) + program, head + code.repeat(298) + program];
  assert.deepEqual(lint({ "tests/a.ts": rest }), []);
  assert.deepEqual(lint({ "tests/a.ts": over }), ["tests/a.ts:1: 301 lines of code, at most 300"]);
});
