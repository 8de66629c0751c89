import { StringDecoder } from "node:string_decoder";
import type { Readable } from "node:stream";
import type { Writable } from "node:stream";

import { saysFatal } from "./crash-cause.js";
import { saysHeapFull } from "./crash-cause.js";

/** A line longer than this, in UTF-16 code units, is passed on in parts: memory must not grow with it. */
const MAX_LINE_LENGTH = 64 * 1024;

const TAIL_LINES = 20;
const TAIL_LENGTH = 4096;

/** Sources that wait for a slow destination: one listener for all, or 11 workers would exceed the listener limit. */
const waiting = new WeakMap<Writable, Set<Readable>>();

function resumeWhenDrained(source: Readable, destination: Writable): void {
  const sources = waiting.get(destination);
  if (sources !== undefined) {
    sources.add(source);
    return;
  }
  const fresh = new Set([source]);
  waiting.set(destination, fresh);
  const resumeAll = (): void => {
    destination.off("drain", resumeAll);
    destination.off("close", resumeAll);
    waiting.delete(destination);
    for (const waiter of fresh) waiter.resume();
  };
  destination.on("drain", resumeAll);
  destination.on("close", resumeAll);
}

const ignoreError = (): void => {};

/**
 * Writes as `console.log` does: a destination that takes nothing more, such as a pipe whose reader has gone, is no
 * reason for the program to end. (Without a listener, the stream's error would be an uncaught one.)
 */
function writeQuietly(destination: Writable, lines: string): boolean {
  destination.once("error", ignoreError);
  const mayGoOn = destination.write(lines, (error) => {
    if (error && destination.listenerCount("error") === 0) destination.once("error", ignoreError);
  });
  destination.off("error", ignoreError);
  return mayGoOn;
}

/**
 * Passes on what a worker prints, whole lines at a time, so that the lines of several workers don't mix.
 *
 * When the destination is slow the worker's pipe is left unread: the worker waits, and nothing piles up here.
 */
export class OutputForwarder {
  readonly #source: Readable;
  readonly #findDestination: () => Writable;
  readonly #decoder = new StringDecoder("utf8");
  #partialLine = "";
  #tail = "";
  #hasSaidHeapFull = false;
  readonly #onFatal: () => void;
  readonly ended: Promise<void>;

  /**
   * @param findDestination - Asked when there is output: Node loads much for a standard stream, and most workers print
   * nothing.
   * @param onFatal - Is called when the process says that it is about to abort.
   */
  constructor(source: Readable, findDestination: () => Writable, onFatal: () => void = () => {}) {
    this.#source = source;
    this.#findDestination = findDestination;
    this.#onFatal = onFatal;
    source.on("data", (chunk: Buffer) => this.#take(this.#decoder.write(chunk)));
    source.on("error", () => {});
    this.ended = new Promise((resolve) => {
      source.on("close", () => {
        this.#finish();
        resolve();
      });
    });
  }

  /** The last lines that went by. */
  get tail(): string {
    const lines = (this.#tail + this.#partialLine).slice(-TAIL_LENGTH).trimEnd().split("\n");
    return lines.slice(-TAIL_LINES).join("\n");
  }

  /** Whether V8's last words were among it; a long native stack may have pushed them out of the tail. */
  get hasSaidHeapFull(): boolean {
    return this.#hasSaidHeapFull;
  }

  #take(text: string): void {
    const pending = this.#partialLine + text;
    const lineEnd = pending.lastIndexOf("\n") + 1;
    const end = pending.length - lineEnd > MAX_LINE_LENGTH ? pending.length : lineEnd;
    this.#partialLine = pending.slice(end);
    if (end > 0) this.#forward(pending.slice(0, end));
  }

  #finish(): void {
    this.#take(this.#decoder.end());
    if (this.#partialLine === "") return;
    this.#forward(`${this.#partialLine}\n`);
    this.#partialLine = "";
  }

  #forward(lines: string): void {
    this.#tail = (this.#tail + lines).slice(-TAIL_LENGTH);
    this.#hasSaidHeapFull ||= saysHeapFull(lines);
    if (saysFatal(lines)) this.#onFatal();
    const destination = this.#findDestination();
    // A destination that has been closed takes nothing more; waiting for it would block the worker for ever.
    if (destination.destroyed || writeQuietly(destination, lines)) return;
    this.#source.pause();
    resumeWhenDrained(this.#source, destination);
  }
}

/** Forwards what comes from a stream, if there is one. @see OutputForwarder */
export function forwardOutput(
  source: Readable | null,
  findDestination: () => Writable,
  onFatal?: () => void,
): OutputForwarder | undefined {
  return source === null ? undefined : new OutputForwarder(source, findDestination, onFatal);
}
