/** Functions that use what other modules export. */

import { createHash } from "node:crypto";
import * as path from "node:path";
import os from "node:os";
import { readFileSync as readFile } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import half from "./helpers.ts";
import { nameOfFile } from "./helpers.ts";
import { scale } from "./helpers.ts";
import { scale as renamed } from "./helpers.ts";
import { Scaled } from "./helpers.ts";
import * as helpers from "./helpers.ts";
import { defaultHalf } from "./reexports.ts";
import { everything } from "./reexports.ts";
import { renamedScale } from "./reexports.ts";
import { functionCase } from "./case.ts";
import type { FunctionCase } from "./case.ts";

class Sub extends Scaled {
  override scaled(): number {
    return super.scaled() + 1;
  }
}

const { SCALE: destructured } = helpers;

export const importCases: readonly FunctionCase[] = [
  functionCase("an import by name", () => scale(2), 20),
  functionCase("an import under another name", () => renamed(3), 30),
  functionCase("a default import", () => half(3), 1.5),
  functionCase("a namespace", () => [helpers.scale(1), helpers.default(1), helpers.SCALE], [10, 0.5, 10]),
  functionCase(
    "imports that were exported again",
    () => [renamedScale(1), defaultHalf(1), everything.scale(2)],
    [10, 0.5, 20],
  ),
  functionCase("a part of an import", () => destructured, 10),
  functionCase(
    "an import of a node: module by name",
    (text: string) => createHash("md5").update(text).digest("hex"),
    "900150983cd24fb0d6963f7d28e17f72",
    ["abc"],
  ),
  functionCase("a namespace of a node: module", () => path.posix.join("a", "..", "b"), "b"),
  functionCase("a default import of a node: module", () => typeof os.cpus().length, "number"),
  functionCase("an import of a node: module under another name", () => typeof readFile, "function"),
  functionCase("an import of a promise API", async () => sleep(1, "slept"), "slept"),
  functionCase(
    "a dynamic import of a file",
    async () => {
      // Reason: this is the case.
      const module = await import("./helpers.ts");
      return [module.scale(4), module.default(4)];
    },
    [40, 2],
  ),
  functionCase(
    "a dynamic import of a node: module",
    // Reason: this is the case.
    async () => (await import("node:path")).posix.basename("/a/b"),
    "b",
  ),
  functionCase("an imported class", () => [new Scaled(2).scaled(), Scaled.twice(2)], [20, 40]),
  functionCase("a class that extends an imported one", () => [new Sub(2).scaled(), new Sub(2) instanceof Scaled], [
    21,
    true,
  ]),
  functionCase("a function of another module", scale, 50, [5]),
  functionCase("an arrow of another module", nameOfFile, "c", ["/a/b/c"]),
  functionCase("the default function of another module", half, 3, [6]),
  functionCase("a static method of a class of another module", Scaled.twice, 60, [3]),
  functionCase("a method of a class of another module", Scaled.prototype.shown, "p:10", ["p"]),
  functionCase("a bound static method of a class of another module", Scaled.withThis.bind(Scaled), 12, [4]),
  functionCase("a function of a node: module", path.posix.basename, "b", ["/a/b"]),
];
