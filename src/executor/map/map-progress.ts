/** How far a map is: told to a callback, by a bar on a terminal, or in a line on stderr every few seconds. */

import process from "node:process";

import { callUser } from "../outcome/call-user.js";
import { openBar } from "./terminal-bars.js";
import { clearInterval } from "../../system/timers.js";
import { performance } from "../../system/timers.js";
import { setInterval } from "../../system/timers.js";
import type { AnyIterable } from "../options/map-types.js";
import type { TerminalBar } from "./terminal-bars.js";
import type { MapProgressOptions } from "../options/options.js";
import type { MapProgressState } from "../options/options.js";

/** The time between two lines, in milliseconds. */
const LINE_EVERY_MS = 5000;
/** The time between two calls of `onUpdate`, and two looks of a bar, in milliseconds. */
const UPDATE_EVERY_MS = 100;

/** How many items an iterable has, where that is known. */
function sizeOf(iterable: unknown): number | undefined {
  if (Array.isArray(iterable) || ArrayBuffer.isView(iterable)) return (iterable as ArrayLike<unknown>).length;
  return iterable instanceof Set || iterable instanceof Map ? iterable.size : undefined;
}

/** How many calls a map of these makes: the shortest ends it, and what is of unknown length may be that. */
export function totalOf(iterables: readonly AnyIterable<unknown>[]): number | undefined {
  let total: number | undefined;
  for (const iterable of iterables) {
    const size = sizeOf(iterable);
    if (size === undefined) return undefined;
    total = Math.min(total ?? size, size);
  }
  return total;
}

function formatSeconds(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

/** One line that tells a state. */
export function describe({ label, done, failed, total, perSecond, elapsedMs, remainingMs }: MapProgressState): string {
  const count = total === undefined ? `${done}` : `${done} of ${total} (${Math.floor((100 * done) / (total || 1))}%)`;
  const rate = `${perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond)}/s`;
  const parts = [count, ...(failed > 0 ? [`${failed} failed`] : []), rate, formatSeconds(elapsedMs)];
  if (remainingMs !== undefined && remainingMs > 0) parts.push(`${formatSeconds(remainingMs)} left`);
  return `${label}: ${parts.join(", ")}`;
}

const BAR_LENGTH = 24;

/** The same with a bar, where it is known how many items there are. */
export function drawBar(state: MapProgressState): string {
  const text = describe(state);
  if (state.total === undefined) return text;
  const filled = Math.min(BAR_LENGTH, Math.floor((BAR_LENGTH * state.done) / (state.total || 1)));
  const bar = "#".repeat(filled) + "-".repeat(BAR_LENGTH - filled);
  // A function: in a text, a "$" of the label would stand for something else.
  return text.replace(`${state.label}: `, () => `${state.label} [${bar}] `);
}

/** Counts what a map has given, and tells it from time to time. */
export class MapProgress {
  readonly #options: MapProgressOptions;
  readonly #label: string;
  readonly #beganMs = performance.now();
  readonly #bar: TerminalBar | undefined;
  readonly #timer: NodeJS.Timeout;
  #done = 0;
  #failed = 0;
  #toldDone = -1;
  #isOver = false;

  /** @param defaults - What the options leave open. */
  constructor(options: MapProgressOptions, defaults: { readonly label: string; readonly total: number | undefined }) {
    this.#options = { total: defaults.total, ...options };
    this.#label = options.label ?? defaults.label;
    this.#bar = options.onUpdate === undefined ? openBar(drawBar(this.#state())) : undefined;
    const isLines = options.onUpdate === undefined && this.#bar === undefined;
    this.#timer = setInterval(() => this.#tell(), isLines ? LINE_EVERY_MS : UPDATE_EVERY_MS).unref();
  }

  /** An item has given its result, or its failure. */
  note(isFailed: boolean): void {
    this.#done += 1;
    if (isFailed) this.#failed += 1;
  }

  /** The map is over: by its end, by a failure, or as it was left. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#tell();
  }

  #state(): MapProgressState {
    const { total } = this.#options;
    const elapsedMs = performance.now() - this.#beganMs;
    const perSecond = elapsedMs > 0 ? (1000 * this.#done) / elapsedMs : 0;
    const isKnown = total !== undefined && this.#done > 0 && !this.#isOver;
    return {
      label: this.#label,
      done: this.#done,
      failed: this.#failed,
      total,
      elapsedMs,
      perSecond,
      remainingMs: isKnown ? (Math.max(0, total - this.#done) * 1000) / perSecond : undefined,
      isOver: this.#isOver,
    };
  }

  /** Says nothing twice: a map that is forgotten halfway falls silent. */
  #tell(): void {
    if (this.#bar !== undefined) {
      const text = drawBar(this.#state());
      if (this.#isOver) this.#bar.end(text);
      else this.#bar.show(text);
      return;
    }
    if (this.#toldDone === this.#done && !this.#isOver) return;
    this.#toldDone = this.#done;
    const { onUpdate } = this.#options;
    if (onUpdate === undefined) {
      process.stderr.write(`${describe(this.#state())}\n`);
      return;
    }
    callUser(() => onUpdate(this.#state()));
  }
}
