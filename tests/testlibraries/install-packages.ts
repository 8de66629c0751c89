/** Packages that some tests need beyond those of the checkout: installed beside their package.json on first use. */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";

import { CHECKOUT } from "./program-folder.js";

const LIMIT_MS = 300_000;

/**
 * Runs npm in a folder.
 *
 * @returns What it printed if it failed.
 */
export function runNpm(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): string | undefined {
  const { status, stdout, stderr, error } = spawnSync("npm", args, {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, ...env },
    shell: process.platform === "win32",
    timeout: LIMIT_MS,
  });
  if (error !== undefined) return error.message;
  return status === 0 ? undefined : `${stdout}\n${stderr}`;
}

/**
 * Installs the packages of a folder unless they are there as its lock file wants them. Their install scripts don't
 * run.
 *
 * @throws What is lacking, in words for somebody who works without a network.
 */
export function installPackages(folder: string): void {
  const lock = readFileSync(path.join(folder, "package-lock.json"));
  const wanted = createHash("sha256").update(lock).digest("hex");
  const mark = path.join(folder, "node_modules", ".installed");
  if (existsSync(mark) && readFileSync(mark, "utf8") === wanted) return;
  const failure = runNpm(folder, ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
  if (failure === undefined) {
    writeFileSync(mark, wanted);
    return;
  }
  const name = path.relative(CHECKOUT, folder);
  throw new Error(
    `The packages of ${name} are not installed, and "npm ci" failed there. These tests need the npm registry the first ` +
      `time that they run; "npm run test.fast" needs no network. npm says:\n${failure}`,
  );
}
