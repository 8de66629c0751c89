/** Functions that capture and call what people install: tests/packages/cases, in each form that people run. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { before } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { PACKAGE_FORMS } from "../testlibraries/package-programs.js";
import type { PackageForm } from "../testlibraries/package-programs.js";
import { PackagePrograms } from "../testlibraries/package-programs.js";
import { packageCases } from "../testlibraries/package-programs.js";

const MARKER = "decorators of the program's own run again in the worker on nothing: metadata is missing";

/** What is known to fail, by form and case, and why. The test runs all the same, unless it never ends. */
const KNOWN: Readonly<Record<string, string>> = {
  "module class-validator": MARKER,
  "commonjs class-validator": MARKER,
  "bundle class-validator": MARKER,
  "module reflect-metadata": MARKER,
  "commonjs reflect-metadata": MARKER,
  "bundle reflect-metadata": MARKER,
  "bundle axios": "`Foo.prototype = Object.create(Writable.prototype)` is taken for an instance",
  "bundle lru-cache": "channels of node:diagnostics_channel are refused",
  "bundle joi": "Promise.prototype.then is called on another receiver: not looked into",
};

const ENDLESS: Readonly<Record<string, string>> = { "bundle mathjs": "the look at the bundled package takes minutes" };

describe("tasks give what their functions give when they are called here", () => {
  let programs: PackagePrograms | undefined;
  before(() => {
    programs = new PackagePrograms();
  });
  after(() => programs?.[Symbol.dispose]());

  for (const form of Object.keys(PACKAGE_FORMS) as PackageForm[]) {
    describe(form, { concurrency: 2 }, () => {
      for (const name of packageCases()) {
        test(name, async (context) => {
          const lacking = programs?.lacking.get(name);
          const endless = ENDLESS[`${form} ${name}`];
          if (lacking !== undefined || endless !== undefined) return context.skip(lacking ?? endless);
          const known = KNOWN[`${form} ${name}`];
          if (known !== undefined) context.todo(known);
          const { here, there } = (await programs?.run(form, name)) ?? assert.fail("no program");
          assert.ok(here.length > 0);
          for (const round of there) assert.deepEqual(round, here);
        });
      }
    });
  }
});
