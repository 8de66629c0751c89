/**
 * Puts the sources of a unit where they stood in their file, so that stacks show the original position.
 *
 * A function inside another one of the same unit stands twice in its code. The second of them, and what stands too
 * near to another on its line, goes behind all the lines of the file: line 12 of a file of 300 becomes line 1012, and
 * 2012 if that is taken.
 */

import type { FunctionCode } from "../graph/format.js";

/** So many lines may be left empty. */
const MAX_LINES = 200_000;

const TERMINATORS = /\r\n|[\n\r\u2028\u2029]/g;

/** The number of the line after the last one of a source. */
function lineAfter({ source, line }: FunctionCode): number {
  return line + [...source.matchAll(TERMINATORS)].length + 1;
}

/** A place behind any other of the same line. */
const LAST_COLUMN = 2 ** 20;

/** Where something stands, in one number. */
type Range = readonly [start: number, end: number];

function rangeOf(code: FunctionCode): Range {
  const start = code.line * LAST_COLUMN + Math.min(code.column, LAST_COLUMN - 1);
  const after = lineAfter(code) - 1;
  return [start, after === code.line ? start + code.source.length : after * LAST_COLUMN];
}

/** Something to be written: one function, or a scope of several. */
export interface LayoutItem {
  readonly codes: readonly FunctionCode[];
  /** Whether some of it is used now; the rest is there for what may come. */
  readonly isUsed: boolean;
}

/** An order in which as much as can be stands in its place: what is used first, then what is short. */
export function inOrder<T extends LayoutItem>(items: readonly T[]): T[] {
  const ranged = items.map((item) => {
    const ranges = item.codes.map(rangeOf);
    return {
      item,
      start: Math.min(...ranges.map(([start]) => start)),
      end: Math.max(...ranges.map(([, end]) => end)),
    };
  });
  const chosen = new Set<(typeof ranged)[number]>();
  const byWeight = ranged.toSorted(
    (a, b) => Number(b.item.isUsed) - Number(a.item.isUsed) || a.end - a.start - (b.end - b.start),
  );
  for (const each of byWeight) {
    if ([...chosen].every(({ start, end }) => each.end <= start || end <= each.start)) chosen.add(each);
  }
  const ordered = ranged.toSorted(
    (a, b) => Number(chosen.has(b)) - Number(chosen.has(a)) || a.start - b.start || b.end - a.end,
  );
  return ordered.map(({ item }) => item);
}

/** Text that grows, and knows where its end will be shown. */
export class CodeLayout {
  text = "";
  startLine = 0;
  startColumn = 0;
  /** What was added to the numbers of lines, where that is not nothing. */
  readonly shifts: number[] = [];
  #line = 0;
  #lineStart = 0;
  #hasSource = false;
  /** What is added to the number of a line. */
  #shift = 0;
  readonly #step: number;

  constructor(codes: readonly FunctionCode[]) {
    const after = Math.max(1, ...codes.map(lineAfter));
    this.#step = 10 ** Math.ceil(Math.log10(after + 1));
  }

  /** Adds text that has no place of its own. */
  add(text: string): void {
    this.text += text;
  }

  /** Adds a source, at its own position where that is still ahead. */
  addSource({ source, line, column }: FunctionCode): [start: number, end: number] {
    if (this.#hasSource) this.#goTo(line, column);
    else {
      this.#hasSource = true;
      this.startLine = line;
      this.startColumn = column - this.text.length;
      this.#line = line;
    }
    const start = this.text.length;
    this.text += source;
    for (const { index, 0: terminator } of source.matchAll(TERMINATORS)) {
      this.#line += 1;
      this.#lineStart = start + index + terminator.length;
    }
    return [start, this.text.length];
  }

  get #column(): number {
    return this.text.length - this.#lineStart + (this.#lineStart === 0 ? this.startColumn : 0);
  }

  #goTo(line: number, column: number): void {
    let target = line + this.#shift;
    const isBehind = target < this.#line || (target === this.#line && column < this.#column);
    if (isBehind) {
      const shift = Math.ceil((this.#line + 1 - line) / this.#step) * this.#step;
      if (line + shift - this.#line > MAX_LINES) return;
      this.#shift = shift;
      this.shifts.push(shift);
      target = line + shift;
    }
    if (target > this.#line) {
      this.text += "\n".repeat(target - this.#line);
      this.#line = target;
      this.#lineStart = this.text.length;
    }
    this.text += " ".repeat(Math.max(0, column - this.#column));
  }
}
