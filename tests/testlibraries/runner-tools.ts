/** The tools of tests/runners/package.json: installed beside it on first use, and nowhere else. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { CHECKOUT } from "./program-folder.js";
import type { ProgramFolder } from "./program-folder.js";

const FOLDER = path.join(CHECKOUT, "tests", "runners");
const INSTALL_LIMIT_MS = 300_000;

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
  const wanted = createHash("sha256")
    .update(readFileSync(path.join(FOLDER, "package-lock.json")))
    .digest("hex");
  const mark = toolFile(".installed");
  if (existsSync(mark) && readFileSync(mark, "utf8") === wanted) return;
  const { status, stdout, stderr } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
    cwd: FOLDER,
    encoding: "utf8",
    shell: process.platform === "win32",
    timeout: INSTALL_LIMIT_MS,
  });
  assert.equal(
    status,
    0,
    `This test needs tools from the npm registry, and npm can't install them:\n${stdout}\n${stderr}`,
  );
  writeFileSync(mark, wanted);
}

/** Makes a tool one of a program's packages. */
export function linkTool(folder: ProgramFolder, name: string): void {
  symlinkSync(toolFile(name), folder.at("node_modules", name), "junction");
}
