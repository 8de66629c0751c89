/** Programs in one file, each run as an ES module and as CommonJS: what their tasks found is printed as JSON. */

import assert from "node:assert/strict";

import { ProgramFolder } from "./program-folder.js";
import type { RunOptions } from "./program-folder.js";

/** The forms of a program. */
export const FORMS = ["mjs", "cjs"] as const;
export type Form = (typeof FORMS)[number];

const USED = "{ LogQueue, ProcessTaskPoolExecutor, registerClass }";

const HEADS: Readonly<Record<Form, string>> = {
  mjs: `import * as net from "node:net"; import ${USED} from "asynccpu";`,
  cjs: `const net = require("node:net"); let LogQueue, ProcessTaskPoolExecutor, registerClass;`,
};

const TAILS: Readonly<Record<Form, string>> = {
  mjs: "await main();",
  cjs: `import("asynccpu").then((own) => { (${USED} = own); return main(); });`,
};

export class StatePrograms extends ProgramFolder {
  constructor() {
    super();
    this.linkPackage();
  }

  /**
   * Runs a program and gives what it found, by the names that it has given.
   *
   * @param declarations - What stands at the top level of the file.
   * @param body - Statements of an async function that has `run(fn, ...args)`, a task of the one worker, and puts
   * what it finds into `found`.
   * @param options - Of the executor, as they would be written.
   */
  find(
    form: Form,
    { declarations, options = "{}", body }: { declarations: string; options?: string; body: string },
    runOptions: RunOptions & { readonly flags?: readonly string[] } = {},
  ): Record<string, unknown> {
    const text = `${HEADS[form]}
${declarations}
async function main() {
  const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1, ...${options} });
  const run = (fn, ...args) => executor.createProcessTask(fn, ...args);
  const found = {};
  ${body}
  await executor.shutdown();
  console.log(JSON.stringify(found));
}
${TAILS[form]}
`;
    this.write({ [`program.${form}`]: text });
    // On a busy machine a look at a variable may take long enough for a warning.
    const args = [...(runOptions.flags ?? []), "--no-warnings", `program.${form}`];
    const { stdout, stderr } = this.run(args, runOptions);
    assert.equal(stderr, "");
    return JSON.parse(stdout) as Record<string, unknown>;
  }
}
