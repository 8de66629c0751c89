import { ArgumentWriter } from "./uncopied-arguments.js";
import { MAX_PAYLOAD_BYTES } from "../../wire/messages/frame.js";
import { NotSerializableError } from "../../errors.js";
import { attachmentsOf } from "../../values/binary/attachments.js";
import { encodeArgumentsAhead } from "../../values/codec.js";
import { encodePinned } from "../../memory/pins.js";
import { giveAway } from "../../values/codec.js";
import { isPlainList } from "../../values/compact/write.js";
import { joinValues } from "../../values/compact/joined-values.js";
import { MAX_PLAIN_BYTES } from "../../values/compact/write.js";
import { sizeWithAttachments } from "../../values/binary/attachments.js";
import { PART_HEAD_BYTES } from "../../values/compact/joined-values.js";
import type { AnyFunction } from "../../values/classes/value-writer.js";
import type { Pins } from "../../memory/pins.js";
import type { PooledFunction } from "../../pool/queue/function-table.js";
import type { TaskExtras } from "../../pool/queue/pool-task.js";

/** Most plain lists of a chunk: with all that is around them they are far from too long for a message. */
const MAX_PLAIN_LISTS = 100_000;

/** The empty list of pins, shared by all tasks that refer to no shared memory. */
export const NO_PINS: readonly Pins[] = [];

/** Releases the shared memory that a task has pinned. */
export function releaseAll(allOfThem: readonly Pins[]): void {
  for (const pins of allOfThem) pins.release();
}

/** @throws NotSerializableError for what is too long for one message. */
export function checkSize(bytes: Uint8Array, what: string): void {
  const sizeBytes = Math.max(bytes.byteLength, ...attachmentsOf(bytes).map(({ byteLength }) => byteLength));
  if (sizeBytes <= MAX_PAYLOAD_BYTES) return;
  throw new NotSerializableError(what, `it takes ${sizeBytes} bytes, and a message has at most ${MAX_PAYLOAD_BYTES}`);
}

/** What a task is given of its arguments. */
export interface FinishedArguments {
  /** One list, which is plain or encoded; for a chunk several, encoded and joined. */
  readonly args: Uint8Array | readonly unknown[];
  /** Of a chunk, how many lists there are; else 0. */
  readonly callCount: number;
  /** Hold what the arguments refer to; pinned, and the caller's to release. */
  readonly pins: readonly Pins[];
  readonly extras: TaskExtras | undefined;
  /** Functions and classes in the arguments, as they are in this process. */
  readonly functions: readonly AnyFunction[];
}

/** How arguments are taken. */
export interface Taking {
  pickle(fn: AnyFunction): PooledFunction;
  /** Binary data of at least this size is placed in shared memory. */
  readonly shareAboveBytes: number;
  /** Given away when all is taken. */
  readonly transfer: readonly ArrayBuffer[] | undefined;
}

/**
 * The arguments of one task, or of the calls of a chunk: each list is as it was when it was added, and shares nothing
 * with the others.
 */
export class TakenArguments {
  readonly #taking: Taking;
  /** Those that are plain can't change, and are encoded later. */
  readonly #lists: (Uint8Array | readonly unknown[])[] = [];
  #pins: Pins[] = [];
  #writer: ArgumentWriter | undefined;
  #plainCount = 0;
  #sizeBytes = 0;
  #attachments = 0;
  #attachedBytes = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(taking: Taking) {
    this.#taking = taking;
  }

  /** How many lists there are. */
  get length(): number {
    return this.#lists.length;
  }

  /** Whether there are streams or signals in them, which can be sent once. */
  get hasLive(): boolean {
    return this.#writer?.extras?.live !== undefined;
  }

  /** The size of what was encoded, in bytes. Plain lists are small, and not counted. */
  get sizeBytes(): number {
    return this.#sizeBytes + this.#attachedBytes;
  }

  /** Whether its only list can't be sent: `finish` throws the reason. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /**
   * Takes one list.
   *
   * @returns Whether it is in. One that isn't belongs into a task of its own: it can't be sent, or not together with
   * the others. The first list is always in; if it can't be sent, that is the task's failure.
   *
   * @param isNotCompact - Whether the compact encoding was tried, in vain.
   */
  add(args: readonly unknown[], isNotCompact = false): boolean {
    if (this.#taking.transfer === undefined && isPlainList(args)) {
      if (this.#plainCount >= MAX_PLAIN_LISTS) return false;
      this.#plainCount += 1;
      this.#lists.push(args);
      return true;
    }
    try {
      this.#encode(args, isNotCompact);
      return true;
    } catch (error) {
      if (this.#lists.length > 0) return false;
      this.#failure = { error };
      return true;
    }
  }

  #encode(args: readonly unknown[], isNotCompact: boolean): void {
    const { pickle, shareAboveBytes, transfer } = this.#taking;
    const writer = (this.#writer ??= new ArgumentWriter(pickle));
    const before = writer.taken;
    const how = { transfer, writer, othersAttachments: this.#attachments, isNotCompact };
    let pins: Pins | undefined;
    try {
      const taken = encodePinned(() => encodeArgumentsAhead(args, how), shareAboveBytes);
      ({ pins } = taken);
      const added = writer.functions.slice(before.functions);
      for (const { pickle: bytes } of added) checkSize(bytes, "a function in the arguments");
      this.#keep(taken.encoded, [pins, ...added.map((fn) => fn.pins)]);
    } catch (error) {
      pins?.release();
      writer.takeBack(before);
      throw error;
    }
  }

  #keep(encoded: Uint8Array, pins: readonly (Pins | undefined)[]): void {
    checkSize(encoded, "args");
    this.#sizeBytes += PART_HEAD_BYTES + encoded.byteLength;
    // Around it may be parts of plain ones.
    const isTooLong = this.#sizeBytes > MAX_PAYLOAD_BYTES - MAX_PLAIN_LISTS * MAX_PLAIN_BYTES;
    if (isTooLong && this.#lists.length > 0) throw new NotSerializableError("args", "they are too long together");
    this.#attachments += attachmentsOf(encoded).length;
    this.#attachedBytes += sizeWithAttachments(encoded) - encoded.byteLength;
    this.#lists.push(encoded);
    const [own, ...captured] = pins;
    for (const each of captured) each?.pin();
    this.#pins.push(...[own, ...captured].filter((each) => each !== undefined));
  }

  /**
   * Gives what there is; to be called once.
   *
   * @throws NotSerializableError with the path to the first part that can't be sent.
   */
  finish(): FinishedArguments {
    if (this.#failure !== undefined) throw this.#failure.error;
    const callCount = this.#lists.length > 1 ? this.#lists.length : 0;
    const args = callCount > 0 ? joinValues(this.#lists) : (this.#lists[0] ?? []);
    if (callCount > 0) checkSize(args as Uint8Array, "args");
    const { transfer } = this.#taking;
    if (args instanceof Uint8Array) giveAway(args, { transfer });
    const pins = this.#pins.length === 0 ? NO_PINS : this.#pins;
    this.#pins = [];
    const functions = [...(this.#writer?.originals ?? [])];
    return { args, callCount, pins, extras: this.#writer?.extras, functions };
  }

  /** They are not sent after all. */
  release(): void {
    releaseAll(this.#pins);
    this.#pins = [];
    this.#writer?.release();
  }
}
