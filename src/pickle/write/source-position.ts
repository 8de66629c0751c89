/** Where a piece of code stands in the file that the user wrote. */

import { findSourceMap } from "node:module";
import { fileURLToPath } from "node:url";

import type { FreeVariable } from "../variables/free-variables.js";
import type { Place } from "./graph-writer.js";
import type { ScriptSource } from "../look/script-source.js";

function fileOf(url: string): string {
  try {
    return url.startsWith("file:") ? fileURLToPath(url) : url;
  } catch {
    return url;
  }
}

/** `file:line:column`, counted from 1; of the original source where Node keeps source maps. */
export function sourcePosition(script: ScriptSource, offset: number): string {
  const { line, column } = script.position(offset);
  const file = fileOf(script.url);
  const map = findSourceMap(script.url) ?? findSourceMap(file);
  const entry = map?.findEntry(line, column);
  if (entry !== undefined && "originalSource" in entry) {
    return `${fileOf(entry.originalSource)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  }
  return `${file || "(unnamed script)"}:${line + 1}:${column + 1}`;
}

/**
 * The place that problems with a variable are reported for. Its position is worked out for those who ask: hardly
 * anybody does.
 */
export function placeOf(free: FreeVariable, script: ScriptSource, user: Place): Place {
  return {
    step: free.name,
    user,
    get position() {
      return sourcePosition(script, free.offset);
    },
  };
}
