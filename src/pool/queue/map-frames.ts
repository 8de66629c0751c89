import process from "node:process";
import { findSourceMap } from "node:module";

/** What stands before each frame. */
const AT = "    at ";

/**
 * The end of `at name (url:line:column)` or `at url:line:column`, lines and columns counted from 1. Nothing in it can
 * match in two ways: what a worker sends takes no longer than its length.
 */
const POSITION_PATTERN = /:(\d+):(\d+)(\)?)$/;

/** No path of a file is so long, in UTF-16 code units. */
const MAX_FRAME_LENGTH = 5000;

function mapFrame(frame: string): string {
  const match = frame.length > MAX_FRAME_LENGTH || !frame.startsWith(AT) ? null : POSITION_PATTERN.exec(frame);
  if (match === null) return frame;
  const [, line = "", column = "", after = ""] = match;
  // The first one: folders such as "copy (2)" are more common than functions with such a name.
  const from = after === "" ? AT.length : frame.indexOf(" (") + 2;
  const before = frame.slice(0, from);
  const url = frame.slice(from, match.index);
  const entry = findSourceMap(url)?.findEntry(Number(line) - 1, Number(column) - 1);
  if (entry === undefined || !("originalSource" in entry)) return frame;
  return `${before}${entry.originalSource}:${entry.originalLine + 1}:${entry.originalColumn + 1}${after}`;
}

/**
 * Has frames that a worker told show the lines that the user wrote, where this process has the source maps: the
 * worker's watchdog thread, which looks at the frames, has none.
 */
export function mapFrames(frames: string): string {
  return process.sourceMapsEnabled ? frames.split("\n").map(mapFrame).join("\n") : frames;
}
