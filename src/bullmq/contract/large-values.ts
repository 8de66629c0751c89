import { randomUUID } from "node:crypto";
import { webcrypto } from "node:crypto";

import { MAX_BODY_BYTES } from "../../wire/messages/frame.js";
import { ValueStoreError } from "./errors.js";
import { clearInterval } from "../../system/timers.js";
import { dateNow } from "../../system/timers.js";
import { setInterval } from "../../system/timers.js";
import type { ValueStore } from "./value-store.js";

/** Where the bytes of a value lie, and what they have to be. */
export interface ValueReference {
  readonly key: string;
  readonly bytes: number;
  /** SHA-256, in base64url. */
  readonly digest: string;
}

/** A message with a value, as BullMQ keeps it in JSON: in base64, or where it lies. */
export type PackedValue = string | ValueReference;

/** Without a store, larger messages don't go through Redis, in bytes (16 MiB). */
export const MAX_REDIS_BYTES: number = 16 * 1024 * 1024;

/** How long the arguments of a task are kept at most, in seconds (7 days): they go when it has ended. */
export const ARGUMENT_TTL_SECONDS: number = 7 * 24 * 3600;

/** So much later, in seconds, an object goes than what refers to it: its time begins first. */
const LATER_SECONDS = 60;

const SWEEP_EVERY_MS = 600_000;

/** How many objects one sweep deletes at most. */
const MAX_DELETED = 1000;

/** A key begins with the second, since 1970, from which on nobody asks for the object. */
const EXPIRING_KEY = /^(\d{1,12})-[\da-f]{8}-[\da-f-]{27}(\..*)?$/;

const KEY = /^\d{1,12}-[\da-f]{8}-[\da-f-]{27}$/;

function makeKey(ttlSeconds: number): string {
  return `${Math.ceil(dateNow() / 1000) + ttlSeconds + LATER_SECONDS}-${randomUUID()}`;
}

function isExpired(key: string): boolean {
  const second = EXPIRING_KEY.exec(key)?.[1];
  return second !== undefined && Number(second) * 1000 < dateNow();
}

async function digestOf(bytes: Uint8Array): Promise<string> {
  // Beside the event loop: a gigabyte takes a second or more, and locks are to be renewed meanwhile.
  const digest = await webcrypto.subtle.digest("SHA-256", bytes);
  return Buffer.from(digest).toString("base64url");
}

function isReference(value: unknown): value is ValueReference {
  const { key, bytes, digest } = (value ?? {}) as Partial<Record<keyof ValueReference, unknown>>;
  // Whoever can write to Redis must not reach other objects of the store.
  return typeof key === "string" && KEY.test(key) && Number.isSafeInteger(bytes) && typeof digest === "string";
}

/** The way of values that are too large for Redis: an executor and its hosts have one each. */
export class LargeValues {
  readonly #store: ValueStore | undefined;
  readonly #largeAboveBytes: number;

  constructor(store: ValueStore | undefined, largeAboveBytes: number) {
    this.#store = store;
    this.#largeAboveBytes = store === undefined ? MAX_REDIS_BYTES : largeAboveBytes;
  }

  /** Whether a message does not go through Redis. */
  isLarge(frame: Uint8Array): boolean {
    return frame.length > this.#largeAboveBytes;
  }

  /**
   * Puts a message into the store, if it is large.
   *
   * @param what - Begins a sentence: what it is, and of which task.
   * @throws ValueStoreError when that can't be.
   */
  async pack(frame: Buffer, ttlSeconds: number, what: string): Promise<PackedValue> {
    if (!this.isLarge(frame)) return frame.toString("base64");
    const size = `${what}: ${frame.length} bytes`;
    if (this.#store === undefined) {
      throw new ValueStoreError(
        `${size}, and without a store at most ${MAX_REDIS_BYTES} go through Redis. Give the executor and its hosts ` +
          'the option store, such as new FolderStore("/a/folder/that/all/share").',
      );
    }
    if (frame.length > MAX_BODY_BYTES) throw new ValueStoreError(`${size}, and at most ${MAX_BODY_BYTES} are stored.`);
    const key = makeKey(ttlSeconds);
    try {
      const [digest] = await Promise.all([digestOf(frame), this.#store.put(key, frame)]);
      return { key, bytes: frame.length, digest };
    } catch (cause) {
      throw new ValueStoreError(`${size}, which the store did not take. ${String(cause)}`, { cause });
    }
  }

  /**
   * Gives the message back.
   *
   * @throws ValueStoreError when the store has it no more, or something else in its place.
   */
  async unpack(packed: unknown, what: string): Promise<Buffer> {
    if (typeof packed === "string") return Buffer.from(packed, "base64");
    if (!isReference(packed) || packed.bytes < 0 || packed.bytes > MAX_BODY_BYTES) {
      throw new ValueStoreError(`${what} can't be read: what lies in Redis is no value.`);
    }
    const { key, bytes, digest } = packed;
    const found = await this.#get(key, what);
    if (found === undefined) {
      throw new ValueStoreError(`${what} can't be read: the store has no ${key}. It has expired, or was deleted.`);
    }
    if (found.length !== bytes || (await digestOf(found)) !== digest) {
      throw new ValueStoreError(
        `${what} can't be read: ${key} in the store is not what was put there (${found.length} of ${bytes} bytes).`,
      );
    }
    return Buffer.from(found.buffer, found.byteOffset, found.length);
  }

  async #get(key: string, what: string): Promise<Uint8Array | undefined> {
    if (this.#store === undefined) {
      throw new ValueStoreError(
        `${what} can't be read: it lies in a store, and there is none here. Give the executor and its hosts the same ` +
          "option store (asynccpu worker --store FOLDER).",
      );
    }
    try {
      return await this.#store.get(key);
    } catch (cause) {
      throw new ValueStoreError(`${what} can't be read: the store did not give ${key}. ${String(cause)}`, { cause });
    }
  }

  /** Deletes what nobody asks for any more; if that fails, a sweep does it later. */
  forget(packed: unknown): void {
    if (isReference(packed)) void this.#delete(packed.key);
  }

  async #delete(key: string): Promise<void> {
    try {
      await this.#store?.delete(key);
    } catch {
      // The next sweep tries again.
    }
  }

  /** Deletes what has expired, now and then, until the function that it returns is called. */
  startSweeps(): () => void {
    let isSweeping = true;
    const sweep = async (): Promise<void> => {
      try {
        let left = MAX_DELETED;
        for await (const key of this.#store?.keys?.() ?? []) {
          if (!isSweeping || left === 0) return;
          if (!isExpired(key)) continue;
          await this.#delete(key);
          left -= 1;
        }
      } catch {
        // The next one looks again.
      }
    };
    // One at a time.
    let last = sweep();
    const timer = setInterval(() => {
      last = last.then(sweep);
    }, SWEEP_EVERY_MS);
    timer.unref();
    return () => {
      isSweeping = false;
      clearInterval(timer);
    };
  }
}
