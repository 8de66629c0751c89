// Holds the house to its drawing in docs/design.md: imports point down, and look alike everywhere.
//
//   node scripts/lint-layers.mjs [ROOT]
//
// Prints file:line: message for each breach and ends with 1 when there is one. Cycles, imports below the head of a
// file are oxlint's to find (import/no-cycle, import/first).

import { readFileSync } from "node:fs";
import { readdirSync } from "node:fs";
import { existsSync } from "node:fs";
import path from "node:path";
import process from "node:process";

import { isComment } from "./read-code.mjs";
import { readCode } from "./read-code.mjs";
import { readImports } from "./read-code.mjs";

/**
 * What each part of src/ may import, beside itself. The first row that fits counts; a part is a folder (with its
 * slash) or a file. A file that fits no row is a breach: give a new room its row.
 *
 * `inner` lists the inner rooms of a room from the bottom up, as in the drawing of its README.md; "" stands for the
 * files that lie in the room itself. Imports point down between inner rooms, too.
 */
const LAYERS = [
  { part: "show-value.ts", mayImport: [] },
  { part: "fifo.ts", mayImport: [] },
  { part: "errors.ts", mayImport: ["show-value.ts"] },
  { part: "option-names.ts", mayImport: ["errors.ts", "show-value.ts"] },
  { part: "logging/log-record.ts", mayImport: [] },
  { part: "system/", mayImport: ["errors.ts"], inner: ["", "process", "tree", "signals", "start"] },
  { part: "memory/", mayImport: ["errors.ts", "system/"] },
  {
    part: "values/",
    mayImport: ["errors.ts", "system/", "memory/"],
    inner: ["classes", "errors", "binary", "compact", "extended", ""],
  },
  {
    part: "wire/",
    mayImport: ["errors.ts", "system/", "values/", "logging/log-record.ts"],
    inner: ["messages", "journal", ""],
  },
  { part: "live/", mayImport: ["errors.ts", "system/", "values/", "wire/messages/"] },
  {
    part: "pickle/",
    mayImport: ["errors.ts", "option-names.ts", "show-value.ts", "system/", "memory/", "values/"],
    inner: ["graph", "look", "refer", "variables", "write", "build", ""],
  },
  { part: "logging/", mayImport: ["errors.ts", "fifo.ts", "option-names.ts", "show-value.ts", "system/", "values/"] },
  // What an executor inside a task has to know of that task.
  { part: "subprocess/task/current-task.ts", mayImport: ["errors.ts"] },
  { part: "subprocess/outer-grace.ts", mayImport: [] },
  {
    part: "subprocess/",
    mayImport: ["errors.ts", "fifo.ts", "system/", "memory/", "values/", "wire/", "live/", "pickle/", "logging/"],
    inner: ["guard", "task", ""],
  },
  {
    part: "pool/",
    mayImport: ["errors.ts", "fifo.ts", "system/", "memory/", "values/", "wire/", "live/"],
    inner: ["queue", "pace", "tasks", "worker", ""],
  },
  {
    part: "executor/",
    mayImport: [
      "errors.ts",
      "fifo.ts",
      "option-names.ts",
      "show-value.ts",
      "system/",
      "memory/",
      "values/",
      "wire/",
      "live/",
      "pickle/",
      "logging/",
      "pool/",
      "subprocess/task/current-task.ts",
      "subprocess/outer-grace.ts",
    ],
    inner: ["options", "outcome", "submit", "map", ""],
  },
  // Runs tasks in the program's process, so it has both sides.
  {
    part: "testing/",
    mayImport: [
      "errors.ts",
      "option-names.ts",
      "system/",
      "memory/",
      "values/",
      "wire/",
      "pickle/",
      "subprocess/",
      "pool/",
      "executor/",
    ],
  },
  // Other machines: has a pool of its own kind in the program, and one of processes on each host.
  {
    part: "bullmq/",
    mayImport: [
      "errors.ts",
      "option-names.ts",
      "system/",
      "values/",
      "wire/",
      "pickle/",
      "logging/",
      "pool/",
      "executor/",
    ],
    inner: ["contract", "program", "host", ""],
  },
  { part: "index.ts", mayImport: [""] },
];

const NOT_AT_START = new Set(["acorn", "eslint-scope", "koffi", "pickle/look/syntax-tools.ts"]);

/** Where the form of imports is checked; layers are checked in src only. */
const STYLED_FOLDERS = ["src", "tests", "examples", "bench", "scripts"];
const STYLED_FILE = /\.(ts|mts|mjs)$/;
const GROUPS = ["node:", "third party", "own"];

const root = path.resolve(process.argv[2] ?? path.join(import.meta.dirname, ".."));
const breaches = [];

function report(file, line, message) {
  breaches.push(`${path.relative(root, file)}:${line}: ${message}`);
}

function checkNames(file, { line, isImport, text }) {
  const names = /\{(.*)\}/.exec(text)?.[1];
  if (!isImport || names === undefined) return;
  const count = names.split(",").filter((name) => name.trim() !== "").length;
  const hasDefault = /^import\s+(type\s+)?[\w$]+\s*,/.test(text);
  if (count !== 1 || hasDefault) report(file, line, "one imported name per import statement, please");
}

function groupOf(source) {
  if (source.startsWith("node:")) return 0;
  return source.startsWith(".") ? 2 : 1;
}

function checkGroups(file, lines, imports) {
  for (const [index, current] of imports.entries()) {
    const before = imports[index - 1];
    if (before === undefined) continue;
    const [last, next] = [groupOf(before.source), groupOf(current.source)];
    const isApart = lines.slice(before.lastLine, current.line - 1).some((line) => line.trim() === "");
    let breach;
    if (next < last) breach = `${GROUPS[next]} imports stand before ${GROUPS[last]} ones`;
    if (next > last && !isApart) breach = `a blank line goes before the ${GROUPS[next]} imports`;
    if (next === last && isApart) breach = `no blank line inside the ${GROUPS[next]} imports`;
    if (breach !== undefined) report(file, current.line, breach);
  }
}

/** Whether the comment block that ends right above line `index` (0-based) gives a reason. */
function hasReason(lines, index) {
  for (let above = index - 1; above >= 0 && isComment(lines[above]); above -= 1) {
    if (/(\/\/|\/\*|\*)\s*Reason: \S/.test(lines[above])) return true;
  }
  return false;
}

function checkReasons(file, lines, code) {
  for (const [index, line] of lines.entries()) {
    const suppression =
      /(?:\/\/|\/\*|^\s*\*)\s*((?:ox|es)lint-disable[\w-]*|@ts-(?:ignore|expect-error|nocheck))/.exec(line);
    if (suppression !== null && !hasReason(lines, index)) {
      report(file, index + 1, `${suppression[1]} needs a "// Reason:" comment above it`);
    }
    const isDynamicImport = /(?<!typeof )(?<![\w.$])import\(/.test(code[index]);
    if (isDynamicImport && !hasReason(lines, index)) {
      report(file, index + 1, 'a dynamic import needs a "// Reason:" comment above it');
    }
  }
}

const MAX_CODE_LINES = 300;

/** Imports, comments and blank lines are not counted. */
function checkLength(file, code, imports) {
  const importLines = new Set(imports.flatMap(({ line, lastLine }) => range(line, lastLine)));
  const count = code.filter((line, index) => line.trim() !== "" && !importLines.has(index + 1)).length;
  if (count > MAX_CODE_LINES) report(file, 1, `${count} lines of code, at most ${MAX_CODE_LINES}`);
}

const MAX_COLUMNS = 119;

/**
 * The formatter wraps code, and nothing wraps comments. URLs, drawings, and lines of code with a text or a pattern may
 * be longer. Code of tests holds programs in texts of many lines, so only its comments are looked at.
 */
function checkColumns(file, lines, isSource) {
  for (const [index, line] of lines.entries()) {
    if (line.length <= MAX_COLUMNS || /https?:\/\//.test(line) || /^\s*\* {4,}/.test(line)) continue;
    const isLongCode = isSource && !/["'`]|\/.*\//.test(line);
    if (isComment(line) || isLongCode) report(file, index + 1, `more than ${MAX_COLUMNS} columns`);
  }
}

/** What oxlint has no rule for: the other globals are in its list (no-restricted-globals). */
const FAKED = /\bprocess\.nextTick\b|\bDate\.now\b|\bnew Date\(\)|\bAbortSignal\.timeout\b/;

/** Each export of src/ says what it is; further signatures of a function need no word of their own. */
function checkComments(file, lines) {
  for (const [index, line] of lines.entries()) {
    const name = /^export (?:abstract |async )*(?:class|const|enum|function\*?|interface|let|type) (\w+)/.exec(
      line,
    )?.[1];
    if (name === undefined) continue;
    let above = index - 1;
    while (lines[above]?.startsWith("// ")) above -= 1;
    const isOverload = new RegExp(`^export (?:async )?function ${name}\\b`).test(lines[above] ?? "");
    if (!isOverload && !lines[above]?.endsWith("*/")) report(file, index + 1, `no comment says what ${name} is`);
  }
}

/** A program's fake timers must not stop a pool. */
function checkTimers(file, code, imports) {
  if (file.endsWith(path.join("src", "system", "timers.ts"))) return;
  const advice = "timers and clocks come from src/system/timers.ts";
  for (const [index, line] of code.entries()) if (FAKED.test(line)) report(file, index + 1, advice);
  for (const { line, source } of imports) if (/^node:(timers|perf_hooks)/.test(source)) report(file, line, advice);
}

function covers(part, file) {
  return part.endsWith("/") || part === "" ? file.startsWith(part) : file === part;
}

/**
 * Which inner room a file of a room lies in, counted from the bottom; -1 for a folder that the room's row doesn't
 * list.
 */
function innerIndex({ part, inner }, file) {
  const [folder, ...below] = file.slice(part.length).split("/");
  return inner.indexOf(below.length > 0 ? folder : "");
}

function checkLayer(file, imports, src) {
  const here = path.relative(src, file).split(path.sep).join("/");
  const row = LAYERS.find(({ part }) => covers(part, here));
  if (row === undefined) {
    report(file, 1, "this file has no row in the table of layers (scripts/lint-layers.mjs)");
    return;
  }
  if (row.inner !== undefined && innerIndex(row, here) < 0) {
    report(file, 1, `this folder is no inner room of ${row.part} in the table of layers (scripts/lint-layers.mjs)`);
  }
  for (const { line, source } of imports) {
    if (!source.startsWith(".")) continue;
    const target = path.resolve(path.dirname(file), source).replace(/\.js$/, ".ts");
    const there = path.relative(src, target).split(path.sep).join("/");
    // A file with a row of its own inside a room ("logging/log-record.ts") is held to that row, not to the room's.
    const isAllowed = [row.part, ...row.mayImport].some((part) => covers(part, there));
    if (!isAllowed) report(file, line, `${row.part} may not import ${there}`);
    if (row.inner !== undefined && there.startsWith(row.part) && innerIndex(row, there) > innerIndex(row, here)) {
      report(file, line, `${path.posix.dirname(here)}/ lies below ${path.posix.dirname(there)}/`);
    }
  }
}

/** The files of each room with inner rooms that files outside of it import. */
const doors = new Map();

function noteDoors(file, imports, src) {
  const here = path.relative(src, file).split(path.sep).join("/");
  for (const { source } of imports) {
    if (!source.startsWith(".")) continue;
    const target = path.resolve(path.dirname(file), source).replace(/\.js$/, ".ts");
    const there = path.relative(src, target).split(path.sep).join("/");
    const room = LAYERS.find(({ part, inner }) => inner !== undefined && there.startsWith(part))?.part;
    if (room === undefined || here.startsWith(room)) continue;
    doors.set(room, (doors.get(room) ?? new Set()).add(there.slice(room.length)));
  }
}

/**
 * A room with inner rooms has a page that draws it, and names each file that is used from outside, and no other as a
 * door.
 */
function checkDoors(src) {
  for (const { part, inner } of LAYERS) {
    const page = path.join(src, part, "README.md");
    if (inner === undefined || !existsSync(path.join(src, part))) continue;
    if (!existsSync(page)) {
      report(page, 1, "a room with inner rooms has a README.md");
      continue;
    }
    const [, table = ""] = readFileSync(page, "utf8").split("\n## Doors\n");
    const rows = table.split("\n## ", 1)[0].split("\n");
    const named = new Set(
      rows.flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`([^`]+\.ts)`/g)].map(([, name]) => name)),
    );
    const used = doors.get(part) ?? new Set();
    for (const door of used) {
      if (!named.has(door)) report(page, 1, `${door} is used from outside, and is no door here`);
    }
    for (const door of named) {
      if (!used.has(door)) report(page, 1, `nothing outside uses the door ${door}`);
    }
  }
}

function checkIndex(file, lines, statements) {
  const reexported = new Set(statements.flatMap(({ line, lastLine }) => range(line, lastLine)));
  for (const [index, line] of lines.entries()) {
    if (line.trim() !== "" && !isComment(line) && !reexported.has(index + 1)) {
      report(file, index + 1, "index.ts holds re-exports only");
      return;
    }
  }
}

function range(first, last) {
  return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
}

function checkFile(file) {
  const src = path.join(root, "src");
  const isSource = file.startsWith(src + path.sep);
  const text = readFileSync(file, "utf8");
  const [lines, code] = [text.split("\n"), readCode(text)];
  const statements = readImports(lines);
  const imports = statements.filter(({ isImport }) => isImport);
  for (const statement of imports) checkNames(file, statement);
  checkGroups(file, lines, imports);
  checkColumns(file, lines, isSource);
  checkLength(file, code, imports);
  // In tests/types the directives are the tests.
  if (!file.startsWith(path.join(root, "tests", "types"))) checkReasons(file, lines, code);
  if (isSource) checkLayer(file, statements, src);
  if (isSource) noteDoors(file, statements, src);
  if (isSource) checkTimers(file, code, imports);
  if (isSource) checkComments(file, lines);
  if (file === path.join(src, "index.ts")) checkIndex(file, lines, statements);
}

/** What a worker loads before its first task must be little: a parser alone takes 6 MiB and 20 ms. */
function checkWorkerStart() {
  const entry = path.join(root, "src", "subprocess", "main.ts");
  const reached = new Map(existsSync(entry) ? [[entry, "the entry"]] : []);
  for (const [file] of reached) {
    for (const { text, line } of readImports(readFileSync(file, "utf8").split("\n"))) {
      const [, source = ""] = /from "([^"]+)"/.exec(text) ?? /^import "([^"]+)"/.exec(text) ?? [];
      if (/^import type\b/.test(text)) continue;
      const target = path.resolve(path.dirname(file), source.replace(/\.js$/, ".ts"));
      const isOwn = source.startsWith(".");
      const name = isOwn ? path.relative(path.join(root, "src"), target).split(path.sep).join("/") : source;
      if (NOT_AT_START.has(name)) report(file, line, `a worker would load ${name} at its start`);
      if (!isOwn) continue;
      if (!reached.has(target)) reached.set(target, file);
    }
  }
}

checkWorkerStart();
const files = STYLED_FOLDERS.map((folder) => path.join(root, folder))
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder, { recursive: true }).map((file) => path.join(folder, file)))
  .filter((file) => STYLED_FILE.test(file) && !file.split(path.sep).includes("node_modules"))
  .toSorted();
for (const file of files) checkFile(file);
checkDoors(path.join(root, "src"));

if (breaches.length > 0) {
  process.stdout.write(`${breaches.join("\n")}\n${breaches.length} breaches of the house rules\n`);
  process.exitCode = 1;
} else {
  process.stdout.write(`${files.length} files keep the layers and the form of imports\n`);
}
