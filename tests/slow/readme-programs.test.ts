/** The programs of pages that users read: each is complete, compiles, and runs as it stands there. */

import assert from "node:assert/strict";
import path from "node:path";
import { readFileSync } from "node:fs";
import { symlinkSync } from "node:fs";
import { describe } from "node:test";
import { test } from "node:test";

import { CHECKOUT } from "../testlibraries/program-folder.js";
import { ProgramFolder } from "../testlibraries/program-folder.js";
import { TSX_COMMAND } from "../testlibraries/program-folder.js";

const TSC_COMMAND = path.join(CHECKOUT, "node_modules", "typescript", "bin", "tsc");

interface Program {
  readonly heading: string;
  readonly language: string;
  readonly code: string;
}

/** The blocks of TypeScript and JavaScript of a page, each with the heading above it. */
function programsOf(page: string): Program[] {
  const text = readFileSync(path.join(CHECKOUT, page), "utf8");
  return text.split(/^(?=##+ )/m).flatMap((section) => {
    const heading = /^#+ (.*)/.exec(section)?.[1] ?? "";
    return [...section.matchAll(/^```(ts|js)\n([^]*?)\n```$/gm)].map(([, language = "", code = ""]) => ({
      heading,
      language,
      code,
    }));
  });
}

const SUMS = /^(?:taskId: \d, result: \d+\n){10}$/;
/** An error as `console.log` shows it, in part. */
const cancelled = (cause: string): string => String.raw`CancelledError: [^]*\[cause\]: '${cause}'[^]*`;

/** What each program prints; those with two have one below each heading. */
const PRINTED: Readonly<Record<string, readonly RegExp[]>> = {
  Quickstart: [SUMS, SUMS],
  "Cancel a task": [new RegExp(`^true\n${cancelled("not needed any more")}${cancelled("nor this one")}$`)],
  "Limit the time of a task": [/^Task "sum" ran for longer than its timeout of 500 ms .*computeForever/s],
  "Stop a synchronous loop in an orderly way": [/^cleaning up\nCancelledError: /],
  "Run a function over many values": [/^1\n4\n9\n333283335000\n$/],
  "Order what waits, and say no in time": [/^true\ntrue\ndone done\n$/],
  "Try again what failed": [/^WorkerCrashedError 2\n$/],
  "Handle errors": [/^The mean of nothing was asked for\.\n$/],
  "Learn which process runs a task": [new RegExp(`^\\d+ true\n${cancelled("SIGTERM")}$`)],
  "Pass instances, functions, streams, signals": [/^true 1\n\d+ bytes\n$/],
  "Show progress, or call back into the program": [/^1 of 3\n2 of 3\n3 of 3\n\[ 1, 4, 9 \]\n$/],
  "Share a large array": [/^999\.99949\d*\n$/],
  "Prepare each worker": [/^true\n$/],
  "What a worker does not have": [/^1_234_567 1_234_567\n$/],
  "Get the workers' logs": [SUMS],
  "See what the pool is doing": [
    /^\{ queuedTasks: 0, runningTasks: 0, completedTasks: 1 \}\n\d+ (?:idle|busy) undefined \d+\n$/,
  ],
  "Errors of asynccpu": [/^3 \n$/],
  "Variables in a worker": [/^\[ 3, 1 \]\n\[ 4, 2 \]\n$/],
  "Modules that submit tasks when they are imported": [/^\[ 1, 2, 3 \]\n$/],
  "By name: `moduleTask`": [/^<h1>home<\/h1>\n$/],
  Classes: [/^true 2\n5n\n$/],
  "Shared memory": [/^3162\.277\d+\n$/],
  "`InlineTaskExecutor`": [/^9\n$/],
  "`assertNothingLeft`": [/^nothing is left\n$/],
};
/** The file that the page on functions names. */
const TASKS = "export function render(page) { return `<h1>${page}</h1>`; }";
/** Held by tests/fast/readme-examples, since it is to be told to end. */
const SERVER = "Restart a server without losing requests";

const PAGES = [
  "README.md",
  "docs/api.md",
  "docs/errors.md",
  "docs/shared-memory.md",
  "docs/values.md",
  "docs/functions.md",
];
const programs = PAGES.flatMap(programsOf);

test("every program of the pages compiles", () => {
  using folder = new ProgramFolder();
  folder.linkPackage();
  symlinkSync(path.join(CHECKOUT, "node_modules", "@types"), folder.at("node_modules", "@types"), "junction");
  for (const [index, { language, code }] of programs.entries()) folder.write({ [`${index}.m${language}`]: code });
  folder.write({
    "tsconfig.json": JSON.stringify({
      compilerOptions: {
        module: "nodenext",
        target: "es2024",
        lib: ["es2024", "esnext.disposable"],
        strict: true,
        noEmit: true,
        types: ["node"],
      },
    }),
  });
  const { status, stdout } = folder.run([TSC_COMMAND, "-p", "."]);
  assert.equal(status, 0, stdout);
});

test("every program of the pages is run by a test", () => {
  const headings = new Set(programs.map(({ heading }) => heading));
  assert.deepEqual([...headings].toSorted(), [...Object.keys(PRINTED), SERVER].toSorted());
});

describe("programs of the pages", () => {
  for (const [heading, printed] of Object.entries(PRINTED)) {
    test(heading, () => {
      using folder = new ProgramFolder();
      folder.linkPackage();
      const own = programs.filter((each) => each.heading === heading);
      assert.equal(own.length, printed.length);
      for (const [index, { language, code }] of own.entries()) {
        folder.write({ [`program.m${language}`]: code, "tasks.mjs": TASKS });
        const loader = language === "ts" ? [TSX_COMMAND] : [];
        const { status, stdout, stderr } = folder.run([...loader, `program.m${language}`]);
        assert.equal(status, 0, stderr);
        assert.match(stdout, printed[index] ?? /^$/);
        if (heading !== "Get the workers' logs") assert.equal(stderr, "");
        else checkRecords(stderr);
      }
    });
  }
});

/** Records from the level on arrive, with their loggers. */
function checkRecords(stderr: string): void {
  assert.equal(stderr.trimEnd().split("\n").length, 20, stderr);
  const task = String.raw`\[pid \d+ task "processCpuBound"`;
  for (let taskId = 0; taskId < 10; taskId += 1) {
    assert.match(stderr, new RegExp(`DEBUG ${task} logger "example\\.sum"\\] task ${taskId} begins$`, "m"));
    assert.match(stderr, new RegExp(`INFO {2}${task}\\] task ${taskId} is done$`, "m"));
  }
}
