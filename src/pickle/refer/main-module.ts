/**
 * Which module is the program's main one.
 *
 * A worker must never import it: its top level is the user's program, and it would run a second time.
 */

import process from "node:process";
import { readFileSync } from "node:fs";
import { realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { resolve as resolvePath } from "node:path";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";
import { pathToFileURL } from "node:url";

import { processWide } from "../look/process-wide.js";

interface MainModule {
  url: string | undefined;
  file: string | undefined;
  isKnown: boolean;
}

const main = processWide<MainModule>("mainModule", () => ({ url: undefined, file: undefined, isKnown: false }));

const NO_URLS: ReadonlySet<string> = new Set();

/** Options after which `process.argv[1]` is an argument of the program, not its file. */
const EVALUATES = /^(?:-e|-p|-pe|--eval|--print|-i|--interactive)(?:=|$)/;

function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, "");
}

/**
 * Whether the program's text comes from elsewhere. A worker thread inherits these options and has a file all the same.
 */
function isEvaluated(): boolean {
  return isMainThread && process.execArgv.some((option) => EVALUATES.test(option));
}

function findMainModule(): string | undefined {
  const path = process.argv[1];
  if (path === undefined || path === "-" || isEvaluated()) return undefined;
  try {
    // `node dir` and `node file-without-extension` are allowed, and resolved as `require` would.
    const file = createRequire(join(process.cwd(), "[main]")).resolve(path);
    return pathToFileURL(process.execArgv.includes("--preserve-symlinks-main") ? file : realpathSync(file)).href;
  } catch {
    // An embedder or a test runner that put something else there: no module is known to be the main one.
    return undefined;
  }
}

/** How the process was started. In a thread, `process.argv` and `require.main` know only the thread's own file. */
function commandLine(): readonly string[] {
  try {
    return readFileSync("/proc/self/cmdline", "utf8").split("\0");
  } catch {
    const { header } = process.report.getReport() as unknown as { header: { commandLine: readonly string[] } };
    return header.commandLine;
  }
}

let knownProgramUrls: ReadonlySet<string> | undefined;

/**
 * In a thread, the files that the process was started with: one of them is the program's main module. Which one, only
 * Node's own reading of its flags could tell; one too many means that its functions travel by value.
 */
function programUrls(): ReadonlySet<string> {
  if (isMainThread) return NO_URLS;
  if (knownProgramUrls === undefined) {
    const { resolve } = createRequire(join(process.cwd(), "[main]"));
    const urls = new Set<string>();
    for (const word of commandLine().slice(1)) {
      if (word === "" || word.startsWith("-")) continue;
      try {
        const file = resolve(resolvePath(word));
        urls.add(pathToFileURL(file).href).add(pathToFileURL(realpathSync(file)).href);
      } catch {
        // No file: a value of a flag, or an argument of the program.
      }
    }
    knownProgramUrls = urls;
  }
  return knownProgramUrls;
}

/**
 * The URL of the program's main module: the root parent's, in a worker; the thread's own, in a worker thread.
 *
 * @returns undefined in a REPL, with `node -e`, and for a program read from standard input.
 */
export function mainModuleUrl(): string | undefined {
  if (!main.isKnown) adoptMainModuleUrl(findMainModule());
  return main.url;
}

/**
 * Tells a worker which module is the main one of the whole family of processes, so that nested pools don't import it.
 *
 * @param url - what {@link mainModuleUrl} gave in the parent.
 */
export function adoptMainModuleUrl(url: string | undefined): void {
  main.url = url;
  main.file = url?.startsWith("file:") === true ? fileURLToPath(withoutQuery(url)) : undefined;
  main.isKnown = true;
}

/**
 * Whether this URL is the main module's, with whatever query a loader has put behind it; in a thread, the program's
 * counts as well.
 */
export function isMainModule(url: string): boolean {
  const mainUrl = mainModuleUrl();
  return (
    (mainUrl !== undefined && withoutQuery(mainUrl) === withoutQuery(url)) || programUrls().has(withoutQuery(url))
  );
}

/** Whether this file is the main module's, or one of those that may be, as for {@link isMainModule}. */
export function isMainFile(filename: string): boolean {
  if (filename === process.mainModule?.filename || filename === mainModuleFile()) return true;
  return !isMainThread && programUrls().has(pathToFileURL(filename).href);
}

/** The main module's file, where it has one. */
function mainModuleFile(): string | undefined {
  mainModuleUrl();
  return main.file;
}
