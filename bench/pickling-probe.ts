/** Pickles functions in a program with many loaded modules, and prints what each took in milliseconds. */

import { mkdirSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { check } from "./measure.js";
import { findErrorPrototype } from "../src/pickle/error-classes.js";
import { median } from "./measure.js";
import { pickleFunction } from "../src/pickle/pickle-function.js";
import { placesOfClasses } from "../src/pickle/error-places.js";

/** Of ten modules, so many are in node_modules. */
const PACKAGED_IN_TEN = 9;
const FUNCTIONS_IN_MODULE = 20;
const MODULES_IN_PACKAGE = 50;

const moduleCount = Number(process.argv[2]);
const folder = mkdtempSync(path.join(tmpdir(), "asynccpu-bench-"));

function write(name: string, text: string): string {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

function moduleText(index: number): string {
  const functions = Array.from(
    { length: FUNCTIONS_IN_MODULE },
    (_, each) => `export function scale${each}(value) {\n  return value * ${each} + OFFSET;\n}\n`,
  );
  return `const OFFSET = ${index};\n\n${functions.join("\n")}`;
}

/** Writes the program: its own modules, which the tasks are in, import all the others. */
function writeProgram(): string {
  const names = Array.from({ length: moduleCount }, (_, index) =>
    index % 10 < PACKAGED_IN_TEN
      ? `node_modules/package-${Math.floor(index / MODULES_IN_PACKAGE)}/module-${index}.mjs`
      : `src/module-${index}.mjs`,
  );
  for (const [index, name] of names.entries()) write(name, moduleText(index));
  write("src/errors.mjs", "export class TaskError extends Error {}\n");
  const task = `import { TaskError } from "./errors.mjs";
export function task(value) { if (value < 0) throw new TaskError("negative"); return value; }\n`;
  for (const name of ["first", "second", "late"]) write(`src/${name}-tasks.mjs`, task);
  const imports = names.map((name) => `import "../${name}";\n`);
  return write(
    "src/main.mjs",
    `${imports.join("")}
import { TaskError } from "./errors.mjs";
export { task as firstTask } from "./first-tasks.mjs";
export { task as secondTask } from "./second-tasks.mjs";
export { TaskError };
const factor = 3;
const table = { weights: [1, 2, 3] };
export const byValue = [(x) => x * factor, (x) => x + factor, (x) => [x, factor], (x) => x + table.weights.length];\n`,
  );
}

interface Program {
  readonly firstTask: unknown;
  readonly secondTask: unknown;
  readonly TaskError: new () => Error;
  readonly byValue: readonly [unknown, unknown, unknown, unknown];
}

function timed(act: () => unknown): number {
  const start = performance.now();
  act();
  return performance.now() - start;
}

async function measure(): Promise<Record<string, number>> {
  const main = writeProgram();
  // Reason: the program is written only now.
  const { firstTask, secondTask, TaskError, byValue } = (await import(pathToFileURL(main).href)) as Program;
  const pickle = (fn: unknown): number =>
    timed(() => check(pickleFunction(fn).payload.byteLength > 0, "an empty pickle"));
  const [inMain, ...others] = byValue;
  const first = pickle(inMain);
  const later = median(others.map(pickle));
  const again = median(Array.from({ length: 5 }, () => pickle(byValue[3])));
  const otherFile = pickle(firstTask);
  const nextFile = pickle(secondTask);
  // Reason: the program is to load it after the functions before it are pickled.
  const late = (await import(pathToFileURL(path.join(folder, "src/late-tasks.mjs")).href)) as { task: unknown };
  const lateFile = pickle(late.task);
  let prototype: object | undefined;
  const errorClass = timed(() => {
    const [place = ""] = placesOfClasses([TaskError], new TaskError());
    prototype = findErrorPrototype({ place, name: TaskError.name }, [firstTask as object]);
  });
  check(prototype === TaskError.prototype, "the class of the error isn't found");
  return { first, later, again, otherFile, nextFile, lateFile, errorClass };
}

try {
  console.log(JSON.stringify(await measure()));
} finally {
  rmSync(folder, { recursive: true });
}
