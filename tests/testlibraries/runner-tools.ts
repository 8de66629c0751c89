/** The tools of tests/runners/package.json: installed beside it on first use, and nowhere else. */

import { symlinkSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { CHECKOUT } from "./program-folder.js";
import type { ProgramFolder } from "./program-folder.js";
import { installPackages } from "./install-packages.js";

const FOLDER = path.join(CHECKOUT, "tests", "runners");

/** Path of a file of a tool. */
export function toolFile(...names: readonly string[]): string {
  return path.join(FOLDER, "node_modules", ...names);
}

/** The same as a URL, for `import`. */
export function toolUrl(...names: readonly string[]): string {
  return pathToFileURL(toolFile(...names)).href;
}

/** Installs the tools unless they are there as the lock file wants them. */
export function installTools(): void {
  installPackages(FOLDER);
}

/** Makes a tool one of a program's packages. */
export function linkTool(folder: ProgramFolder, name: string): void {
  symlinkSync(toolFile(name), folder.at("node_modules", name), "junction");
}
