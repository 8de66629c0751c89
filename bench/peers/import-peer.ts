/** The other libraries, which are installed in bench/node_modules and nowhere else. */

import { createRequire } from "node:module";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { pathToFileURL } from "node:url";
import { readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import path from "node:path";

const BENCH_FOLDER = fileURLToPath(new URL("../../../bench/", import.meta.url));

const fromBench = createRequire(path.join(BENCH_FOLDER, "package.json"));

/** The exports of a library: of a CommonJS one, they are the `default`. */
export async function importPeer(name: string): Promise<unknown> {
  const file = pathToFileURL(fromBench.resolve(name)).href;
  // Reason: the libraries are not there before the bench has installed them, and only the one that is measured shall
  // be loaded.
  return (await import(file)) as unknown;
}

/**
 * The exports of a CommonJS library, at once: a worker file that awaits would miss the first message of poolifier and
 * workerpool.
 */
export function requirePeer(name: string): unknown {
  return fromBench(name) as unknown;
}

function readVersions(file: string, key: "devDependencies" | "version"): unknown {
  return (JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>)[key];
}

/** The libraries with the versions that are measured. */
export function peerVersions(): Record<string, string> {
  return readVersions(path.join(BENCH_FOLDER, "package.json"), "devDependencies") as Record<string, string>;
}

function isInstalled([name, version]: readonly [string, string]): boolean {
  const file = path.join(BENCH_FOLDER, "node_modules", name, "package.json");
  return existsSync(file) && readVersions(file, "version") === version;
}

/** Installs the libraries when one is missing or of another version. @throws Error when npm fails. */
export function installPeers(): void {
  if (Object.entries(peerVersions()).every(isInstalled)) return;
  process.stderr.write("Installing the libraries to measure beside (npm ci in bench/) ...\n");
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const { status, error } = spawnSync(npm, ["ci", "--include=dev", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: BENCH_FOLDER,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status === 0) return;
  throw new Error(
    `npm ci in bench/ failed (${error?.message ?? `status ${status}`}). Without the other libraries: npm run bench -- --contenders=asynccpu,raw-limit,fork`,
  );
}
