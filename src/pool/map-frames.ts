import { findSourceMap } from "node:module";

/** `at name (url:line:column)` or `at url:line:column`, lines and columns counted from 1. */
const FRAME_PATTERN = /^(\s+at (?:.*\()?)(\S+):(\d+):(\d+)(\)?)$/;

function mapFrame(frame: string): string {
  const match = FRAME_PATTERN.exec(frame);
  if (match === null) return frame;
  const [, before = "", url = "", line = "", column = "", after = ""] = match;
  const entry = findSourceMap(url)?.findEntry(Number(line) - 1, Number(column) - 1);
  if (entry === undefined || !("originalSource" in entry)) return frame;
  return `${before}${entry.originalSource}:${entry.originalLine + 1}:${entry.originalColumn + 1}${after}`;
}

/**
 * Has frames that a worker told show the lines that the user wrote, where this process has the source maps: the worker's
 * watchdog thread, which looks at the frames, has none.
 */
export function mapFrames(frames: string): string {
  return process.sourceMapsEnabled ? frames.split("\n").map(mapFrame).join("\n") : frames;
}
