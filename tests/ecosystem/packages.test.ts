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

/**
 * What does not work, by form and case: a part of what comes instead. docs/runners.md lists each with the way out.
 */
const KNOWN: Readonly<Record<string, string>> = {
  // Decorators register the class in the program's copy of the package.
  "module class-validator": "unknownValue",
  "commonjs class-validator": "unknownValue",
  "bundle class-validator": "unknownValue",
  "module reflect-metadata": "reading 'join'",
  "commonjs reflect-metadata": "reading 'join'",
  "bundle reflect-metadata": "Reflect.getMetadata is not a function",
  // What is refused elsewhere travels: the bundle has the package's symbols.
  "bundle joi": `"value":{"name":"Ada"}`,
  "bundle yup": "V8 does not tell what it holds",
};

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
          if (lacking !== undefined) return context.skip(lacking);
          const { here, there } = (await programs?.run(form, name)) ?? assert.fail("no program");
          assert.ok(here.length > 0);
          const known = KNOWN[`${form} ${name}`];
          if (known !== undefined) {
            assert.ok(JSON.stringify(there).includes(known), JSON.stringify(there));
            assert.notDeepEqual(there, [here, here]);
            return;
          }
          for (const round of there) assert.deepEqual(round, here);
        });
      }
    });
  }
});
