/** Streams of the web and of Node, as the ends of live values see them. */

import process from "node:process";
import type { Duplex } from "node:stream";
import type { Readable } from "node:stream";
import type { Writable } from "node:stream";

import { captureContext } from "../system/async-context.js";
import { taskIsOver } from "./reading.js";
import type { ChunkGoal } from "./writing.js";
import type { ChunkSource } from "./reading.js";
import type { InContext } from "../system/async-context.js";
import type { ReceivingEnd } from "./reading.js";
import type { WritingEnd } from "./writing.js";

/** Rejections are told otherwise. */
function ignore(): void {}

/**
 * A stream that is to fail doesn't end a program that doesn't listen to it: whoever awaits the task, or the stream,
 * hears of it.
 */
function muffle(stream: Readable | Writable): void {
  stream.on("error", ignore);
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error("The stream was ended by the other process.", { cause: reason });
}

async function tellFailure(promise: Promise<unknown>, tell: (error: unknown) => void): Promise<void> {
  try {
    await promise;
  } catch (error) {
    tell(error);
  }
}

/** Reads a web stream through its reader. */
export function webSource(reader: ReadableStreamDefaultReader<unknown>): ChunkSource {
  return {
    read: () => reader.read(),
    cancel: (reason) => {
      reader.cancel(reason).catch(ignore);
    },
  };
}

/** Reads a stream of Node by its iterator. */
export function nodeSource(stream: Readable): ChunkSource {
  let iterator: AsyncIterator<unknown> | undefined;
  return {
    read: () => (iterator ??= stream.iterator({ destroyOnReturn: true }) as AsyncIterator<unknown>).next(),
    cancel: () => {
      muffle(stream);
      stream.destroy();
    },
  };
}

/** Writes to a web stream through its writer. */
export function webGoal(writer: WritableStreamDefaultWriter<unknown>): ChunkGoal {
  return {
    write: (chunk) => writer.write(chunk),
    close: () => writer.close(),
    abort: (reason) => {
      writer.abort(reason).catch(ignore);
    },
    release: () => writer.releaseLock(),
    onFailure: (callback) => {
      void tellFailure(writer.closed, callback);
    },
  };
}

/** Writes to a stream of Node. */
export function nodeGoal(stream: Writable): ChunkGoal {
  const listeners: [string, (error?: unknown) => void][] = [];
  // `process.stdout` forgets that it has finished.
  let hasFinished = false;
  return {
    write: (chunk) =>
      new Promise((resolve, reject) => {
        stream.write(chunk, (error) => (error == null ? resolve() : reject(error)));
      }),
    close: () =>
      new Promise((resolve, reject) => {
        stream.once("error", reject);
        stream.end(() => {
          hasFinished = true;
          stream.off("error", reject);
          resolve();
        });
      }),
    abort: (reason) => {
      muffle(stream);
      stream.destroy(toError(reason));
    },
    release: () => {
      for (const [event, listener] of listeners) stream.off(event, listener);
    },
    onFailure: (callback) => {
      const onClose = (): void => {
        // Once all is written, its closing is what was wanted.
        if (!hasFinished && !stream.writableFinished) callback(new Error("The stream was closed."));
      };
      listeners.push(["error", callback], ["close", onClose]);
      for (const [event, listener] of listeners) stream.on(event, listener);
    },
  };
}

/** The web stream that reads what arrives. */
export function webReadable(end: ReceivingEnd): ReadableStream<unknown> {
  return new ReadableStream<unknown>(
    {
      start: (controller) => {
        end.onFailure = (error) => {
          // It may be closed, or errored, already.
          try {
            controller.error(error);
          } catch {
            // Then nobody needs to hear of it.
          }
        };
      },
      pull: async (controller) => {
        const { done, value } = await end.read();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => end.cancel(reason),
    },
    // Nothing is asked for before somebody reads: the window is buffer enough.
    { highWaterMark: 0 },
  );
}

/** The web stream whose chunks go to the other process. */
export function webWritable(end: WritingEnd): WritableStream<unknown> {
  return new WritableStream<unknown>({
    start: (controller) => {
      end.onFailure = (error) => controller.error(error);
    },
    write: (chunk) => end.write(chunk),
    close: () => end.end(),
    abort: (reason) => end.abort(reason),
  });
}

type Callback = (error?: Error | null) => void;

function pushInto(stream: Readable, end: ReceivingEnd): void {
  end.read().then(
    ({ done, value }) => stream.push(done === true ? null : value),
    // By `onFailure`, it is destroyed already.
    ignore,
  );
}

async function settleWith(promise: Promise<void>, callback: Callback): Promise<void> {
  try {
    await promise;
  } catch (error) {
    callback(toError(error));
    return;
  }
  callback();
}

/**
 * The context of whoever was the first to read or write a stream, in which its end is told: a message comes in no
 * context.
 */
class UserContext {
  #inContext: InContext | undefined;

  noteUse(): void {
    this.#inContext ??= captureContext();
  }

  destroy(stream: Readable | Writable, error?: Error): void {
    const inContext = this.#inContext;
    if (inContext === undefined) stream.destroy(error);
    else inContext(() => stream.destroy(error));
  }

  release(): void {
    this.#inContext = undefined;
  }
}

/** What Node's stream is made of, on the reading side. */
function readingParts(end: ReceivingEnd, context: UserContext): object {
  return {
    read(this: Readable) {
      context.noteUse();
      pushInto(this, end);
    },
  };
}

function writingParts(end: WritingEnd, context: UserContext): object {
  return {
    write(chunk: unknown, _encoding: string, callback: Callback) {
      context.noteUse();
      void settleWith(end.write(chunk), callback);
    },
    final(callback: Callback) {
      context.noteUse();
      void settleWith(end.end(), callback);
    },
  };
}

function destroyOnFailure(
  stream: Readable | Writable,
  ends: readonly (ReceivingEnd | WritingEnd)[],
  context: UserContext,
): void {
  muffle(stream);
  for (const end of ends) end.onFailure = (error) => context.destroy(stream, toError(error));
}

/** The stream of Node that reads what arrives. */
export function nodeReadable(end: ReceivingEnd, objectMode: boolean): Readable {
  const { Readable } = process.getBuiltinModule("node:stream");
  const context = new UserContext();
  const stream = new Readable({
    objectMode,
    highWaterMark: 0,
    ...readingParts(end, context),
    destroy(error, callback) {
      context.release();
      end.cancel(error ?? taskIsOver());
      callback(error);
    },
  });
  destroyOnFailure(stream, [end], context);
  // A task that ends with a stream half read is nothing out of the ordinary.
  end.onAbandoned = () => context.destroy(stream);
  return stream;
}

/** The stream of Node whose chunks go to the other process. */
export function nodeWritable(end: WritingEnd, objectMode: boolean): Writable {
  const { Writable } = process.getBuiltinModule("node:stream");
  const context = new UserContext();
  const stream = new Writable({
    objectMode,
    ...writingParts(end, context),
    destroy(error, callback) {
      context.release();
      end.abort(error ?? taskIsOver());
      callback(error);
    },
  });
  destroyOnFailure(stream, [end], context);
  return stream;
}

/** Both in one. */
export function nodeDuplex(
  reading: ReceivingEnd,
  writing: WritingEnd,
  modes: { readonly readableObjectMode: boolean; readonly writableObjectMode: boolean },
): Duplex {
  const { Duplex } = process.getBuiltinModule("node:stream");
  const context = new UserContext();
  const stream = new Duplex({
    ...modes,
    readableHighWaterMark: 0,
    ...readingParts(reading, context),
    ...writingParts(writing, context),
    destroy(error, callback) {
      context.release();
      reading.cancel(error ?? taskIsOver());
      writing.abort(error ?? taskIsOver());
      callback(error);
    },
  });
  destroyOnFailure(stream, [reading, writing], context);
  reading.onAbandoned = () => context.destroy(stream);
  return stream;
}
