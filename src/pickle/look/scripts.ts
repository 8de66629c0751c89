/**
 * What is known of the scripts of this process: where each is from, and its source.
 *
 * V8 tells of all scripts when the debugger is enabled, which costs 15 to 50 ms in a small program: it hashes each.
 * Of scripts on the stack it tells without, and most functions are from there. The source is then read from the file:
 * that it is what V8 runs, and not what a loader or an editor has made of it since, is told by the hash.
 */

import process from "node:process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { OWN_FOLDER } from "../../system/own-files.js";

/** What V8 knows of one script. */
export interface ScriptInfo {
  readonly scriptId: string;
  readonly url: string;
  readonly isModule: boolean;
  /** Offset of the script's first character in its file. */
  readonly startLine: number;
  readonly startColumn: number;
  /** As the script's last comment has it: relative, or a `data:` URL; empty when there is none. */
  readonly sourceMapUrl: string;
  readonly source: string;
}

/** A script without its source. */
export interface ScriptHeader {
  readonly scriptId: string;
  readonly url: string;
  /** The SHA-256 of its source; absent where nobody has asked for it, and empty where V8 does not tell. */
  readonly hash?: string;
  /** Absent for a script that was seen on the stack only: such a one is a whole file. */
  readonly reported?: Pick<ScriptInfo, "isModule" | "startLine" | "startColumn" | "sourceMapUrl">;
}

/** As the inspector reports a script. */
export interface ParsedScript {
  readonly scriptId: string;
  readonly url: string;
  readonly hash: string;
  readonly isModule?: boolean;
  readonly startLine: number;
  readonly startColumn: number;
  readonly sourceMapURL?: string;
}

// A script is parsed once in its life, so what is known of one never changes.
const headers = new Map<string, ScriptHeader>();
const infos = new Map<string, ScriptInfo>();

/** Sources kept; asking again for one that was dropped costs some milliseconds. */
const MAX_SOURCES = 2000;

/** Notes a script that V8 has reported. */
export function rememberParsed({ params }: { params: ParsedScript }): void {
  const { scriptId, url, hash, isModule = false, startLine, startColumn, sourceMapURL: sourceMapUrl = "" } = params;
  headers.set(scriptId, { scriptId, url, hash, reported: { isModule, startLine, startColumn, sourceMapUrl } });
}

/** A script that is known. */
export function knownHeader(scriptId: string): ScriptHeader | undefined {
  return headers.get(scriptId);
}

/** Whether a module of this URL is known. */
export function isKnownModule(url: string): boolean {
  return [...headers.values()].some((each) => each.reported?.isModule === true && each.url === url);
}

/** The source of a script that was asked for before. */
export function knownScript(scriptId: string): ScriptInfo | undefined {
  return infos.get(scriptId);
}

/**
 * Notes the source of a script.
 *
 * @param isModule - Whether it is a module, where V8 has not reported it.
 */
export function rememberSource(header: ScriptHeader, source: string, isModule: boolean): ScriptInfo {
  const { scriptId, url, reported } = header;
  const form = reported ?? { isModule, startLine: 0, startColumn: 0, sourceMapUrl: sourceMapUrlIn(source) };
  const info: ScriptInfo = { scriptId, url, ...form, source };
  const [oldest] = infos.keys();
  if (infos.size >= MAX_SOURCES && oldest !== undefined) infos.delete(oldest);
  infos.set(scriptId, info);
  return info;
}

function sourceMapUrlIn(source: string): string {
  return [...source.matchAll(/\/\/[#@]\s*sourceMappingURL=(\S+)/g)].at(-1)?.[1] ?? "";
}

/** The source of a script as its file has it; undefined where that is not what V8 runs. */
export function sourceInFile({ url, hash }: ScriptHeader): string | undefined {
  if (hash === undefined || hash === "" || !url.startsWith("file:")) return undefined;
  try {
    const bytes = readFileSync(fileURLToPath(url.replace(/[?#].*$/s, "")));
    // Loaded by now in a program that submits functions; most workers never need it.
    const { createHash } = process.getBuiltinModule("node:crypto");
    return createHash("sha256").update(bytes).digest("hex") === hash ? bytes.toString() : undefined;
  } catch {
    // The file is gone.
    return undefined;
  }
}

/** A place on the stack, as the inspector tells it. */
export interface StackFrame {
  readonly scriptId: string;
  readonly url: string;
}

/** Notes the scripts of a stack; of the wanted one, the hash as well. */
export function rememberStack(frames: readonly StackFrame[], wantedId: string): void {
  for (const { scriptId, url } of frames) {
    if (!url.startsWith("file:") || url.startsWith(OWN_FOLDER)) continue;
    if (scriptId !== wantedId) {
      if (!headers.has(scriptId)) headers.set(scriptId, { scriptId, url });
      continue;
    }
    // The hash is found by the name of the file, so two scripts of one file tell none.
    const isOnly = frames.every((each) => each.url !== url || each.scriptId === scriptId);
    headers.set(scriptId, { scriptId, url, hash: isOnly ? hashOnStack(url) : "" });
  }
}

/** So many frames are looked at: the library's own and those of a framework are above the program's. */
const MAX_FRAMES = 200;

interface CallSite {
  getFileName(): unknown;
  getScriptHash(): string;
}

/** The frames of the stack as V8 gives them to a program that formats stacks by itself. */
function callSites(): readonly CallSite[] {
  const settings = ["prepareStackTrace", "stackTraceLimit"] as const;
  const before = settings.map((name) => Object.getOwnPropertyDescriptor(Error, name));
  try {
    Error.stackTraceLimit = MAX_FRAMES;
    Error.prepareStackTrace = (_, sites) => sites;
    const holder: { stack?: readonly CallSite[] } = {};
    Error.captureStackTrace(holder);
    return holder.stack ?? [];
  } finally {
    for (const [index, name] of settings.entries()) {
      const descriptor = before[index];
      if (descriptor === undefined) Reflect.deleteProperty(Error, name);
      else Reflect.defineProperty(Error, name, descriptor);
    }
  }
}

/** The hash of a script that is on the stack; empty where that can't be told. */
function hashOnStack(url: string): string {
  try {
    const file = fileURLToPath(url.replace(/[?#].*$/s, ""));
    // Node names modules by their URL, and CommonJS modules by their path.
    const site = callSites().find((each) => [url, file].includes(each.getFileName() as string));
    return site?.getScriptHash() ?? "";
  } catch {
    // A frozen `Error`.
    return "";
  }
}
