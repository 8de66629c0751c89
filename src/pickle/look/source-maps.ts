/**
 * Source maps for functions that travel by value, so that their stacks show the lines that the user wrote.
 *
 * Node keeps the maps of modules that it loads, and a worker never loads the program's main one. For a script of
 * node:vm it keeps none, even where the text ends with a `sourceMappingURL`. But it does for text given to `eval` that
 * names a URL of its own, and finds maps by URL: evaluating the two comments alone gives a map to all scripts of that
 * URL.
 */

import process from "node:process";
import { findSourceMap } from "node:module";

import { processWide } from "./process-wide.js";

/** A longer one (a bundle's, in a `data:` URL) would cost more at each submission than its positions are worth. */
const MAX_URL_LENGTH = 2 ** 20;

const registered = processWide("sourceMaps", () => new Map<string, string>());

/** Whether the map of a script should travel with its functions. */
export function isMapWanted(url: string, sourceMapUrl: string): boolean {
  const isFit = sourceMapUrl.length > 0 && sourceMapUrl.length <= MAX_URL_LENGTH && !/\s/.test(url + sourceMapUrl);
  return isFit && url.startsWith("file:") && process.sourceMapsEnabled;
}

/** Makes Node map the positions of all scripts of this URL; does nothing in a process without source maps. */
export function registerSourceMap(url: string, sourceMapUrl: string): void {
  if (!isMapWanted(url, sourceMapUrl) || registered.get(url) === sourceMapUrl) return;
  registered.set(url, sourceMapUrl);
  evaluate(url, sourceMapUrl);
}

function evaluate(url: string, sourceMapUrl: string): void {
  try {
    // Reason: only eval makes Node keep a map; the text is two comments.
    // oxlint-disable-next-line no-eval
    (0, eval)(`//# sourceURL=${url}\n//# sourceMappingURL=${sourceMapUrl}`);
  } catch {
    // --disallow-code-generation-from-strings: then positions stay those of the compiled code.
  }
}

/** The map's URL for functions of this script, if they came with one. */
export function sourceMapUrlOf(url: string): string {
  return registered.get(url) ?? "";
}

let movedCount = 0;

/**
 * A name for a script some of whose code is not in its place, with a map of its own.
 *
 * @param shifts - What was added to the numbers of lines: each stretch of so many lines has positions as the file has
 * them.
 */
export function movedUrl(url: string, shifts: readonly number[]): string {
  const map = registered.has(url) ? findSourceMap(url)?.payload : undefined;
  if (map === undefined) return url;
  const sections = [0, ...shifts].map((line) => ({ offset: { line, column: 0 }, map }));
  movedCount += 1;
  const moved = `${url}${url.includes("?") ? "&" : "?"}moved=${movedCount}`;
  // Node reads `sources`, though such a map has none of its own.
  const encoded = Buffer.from(JSON.stringify({ version: 3, sources: [], sections })).toString("base64");
  evaluate(moved, `data:application/json;base64,${encoded}`);
  return moved;
}
