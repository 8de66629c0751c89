/**
 * Pieces of shared memory, each one file without a name that several processes have open.
 *
 * A process has at most one descriptor and one ArrayBuffer for a segment, found again by its id, so whatever arrives
 * of it is a view of the same buffer. The kernel frees the memory when no process has it open or mapped any more,
 * however they end.
 *
 *     mapped ──(the last view is collected)────────────────────────▶ closed
 *        └────(disposed: views hold zeros)──▶ pinned? ──(released)──▶ closed
 */

import process from "node:process";
import { isMainThread } from "node:worker_threads";
import { closeSync } from "node:fs";
import { fstatSync } from "node:fs";
import { openSync } from "node:fs";
import { readlinkSync } from "node:fs";
import { constants } from "node:fs";

import { SharedMemoryError } from "../errors.js";
import { ProcessTask } from "../system/process/process-task.js";
import { noteSegment } from "./idle-collection.js";
import { UNIT_BYTES } from "./native-memory.js";
import { requireNativeMemory } from "./native-memory.js";

/**
 * Gives a handle on a file that does nothing but tell what it is: opening a device or a pipe for real could do
 * anything.
 */
const O_PATH = 0o1000_0000;

const LABEL = "asynccpu-";

/** Where another process finds a segment. */
export interface SegmentPlace {
  readonly id: string;
  /** A process that has it open, and its descriptor there. */
  readonly pid: number;
  readonly fd: number;
  readonly sizeBytes: number;
}

/** One piece of shared memory, as this process has it. */
export class Segment {
  readonly id: string;
  readonly fd: number;
  readonly sizeBytes: number;
  /** The process that made it. */
  readonly owner: ProcessTask;
  readonly #buffer: WeakRef<ArrayBuffer>;
  #pinCount = 0;
  #isDisposed = false;
  #isClosed = false;

  constructor(id: string, fd: number, buffer: ArrayBuffer, owner: ProcessTask) {
    this.id = id;
    this.fd = fd;
    this.sizeBytes = buffer.byteLength;
    this.owner = owner;
    this.#buffer = new WeakRef(buffer);
  }

  /** The memory; `undefined` when nobody holds it any more. */
  get buffer(): ArrayBuffer | undefined {
    return this.#isDisposed ? undefined : this.#buffer.deref();
  }

  get isDisposed(): boolean {
    return this.#isDisposed;
  }

  /** Keeps the descriptor open until `unpin` is called as often. */
  pin(): void {
    this.#pinCount += 1;
  }

  unpin(): void {
    this.#pinCount -= 1;
    if (this.#isDisposed) this.#closeUnlessPinned();
  }

  /** Gives the memory back, as far as this process is concerned. Views of it hold zeros from now on. */
  dispose(): void {
    if (this.#isDisposed) return;
    const buffer = this.#buffer.deref();
    this.#isDisposed = true;
    if (buffer !== undefined) requireNativeMemory().unmap(buffer);
    this.#closeUnlessPinned();
  }

  /** Closes the descriptor, once. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (byId.get(this.id) === this) byId.delete(this.id);
    try {
      closeSync(this.fd);
    } catch {
      // The program has closed it: a descriptor that isn't its own.
    }
  }

  #closeUnlessPinned(): void {
    if (byId.get(this.id) === this) byId.delete(this.id);
    if (this.#pinCount <= 0) this.close();
  }
}

const byId = new Map<string, Segment>();
const byBuffer = new WeakMap<ArrayBufferLike, Segment>();
/** Whoever pins a segment holds its buffer as well, so none is pinned here. V8 has unmapped the memory. */
const collected = new FinalizationRegistry<Segment>((segment) => segment.close());
let closesAtExit = isMainThread;

function register(segment: Segment, buffer: ArrayBuffer): void {
  noteSegment();
  byId.set(segment.id, segment);
  byBuffer.set(buffer, segment);
  collected.register(buffer, segment);
  if (closesAtExit) return;
  // The descriptors of a thread outlive it.
  closesAtExit = true;
  process.once("exit", () => {
    for (const open of byId.values()) open.close();
  });
}

/** How many segments this process has open. */
export function openSegmentCount(): number {
  return byId.size;
}

/** The segment that a buffer, or the buffer of a view, is the memory of. */
export function segmentOf(object: object): Segment | undefined {
  return byBuffer.get(ArrayBuffer.isView(object) ? object.buffer : (object as ArrayBufferLike));
}

/** The size of a segment that holds so many bytes, in bytes. */
export function segmentBytesFor(sizeBytes: number): number {
  return Math.max(1, Math.ceil(sizeBytes / UNIT_BYTES)) * UNIT_BYTES;
}

/** A file for a segment that is not mapped in this process (yet). */
export interface SegmentFile {
  readonly id: string;
  readonly fd: number;
}

/** @throws SharedMemoryError when there is not enough memory. */
export function createSegmentFile(sizeBytes: number, reservedBytes: number): SegmentFile {
  // Loaded at the first use: few workers make shared arrays.
  const id = process.getBuiltinModule("node:crypto").randomBytes(16).toString("hex");
  return { id, fd: requireNativeMemory().createFile(LABEL + id, segmentBytesFor(sizeBytes), reservedBytes) };
}

/**
 * Makes a segment, filled with zeros; this process is its owner.
 *
 * @returns Its memory: at least `sizeBytes`.
 * @throws SharedMemoryError when there is not enough memory.
 */
export function createSegment(sizeBytes: number): ArrayBuffer {
  const { id, fd } = createSegmentFile(sizeBytes, sizeBytes);
  return mapFile(id, fd, segmentBytesFor(sizeBytes), ProcessTask.for(process.pid));
}

function mapFile(id: string, fd: number, sizeBytes: number, owner: ProcessTask): ArrayBuffer {
  try {
    const buffer = requireNativeMemory().map(fd, sizeBytes);
    register(new Segment(id, fd, buffer, owner), buffer);
    return buffer;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function gone({ pid, id }: SegmentPlace, cause: unknown): SharedMemoryError {
  return new SharedMemoryError(
    `Shared memory that process ${pid} sent can't be opened (segment ${id}). The process has ended or has disposed it, or it runs as ` +
      "another user or in another pid namespace. Keep a shared array until the tasks that use it are over.",
    { cause },
  );
}

/**
 * Opens the file, having made sure that it is the one that was meant: a descriptor, or the pid, may belong to
 * something else by now, or the sender may lie. The name can't change, and is looked at on the very file that is
 * opened.
 */
function openFile(place: SegmentPlace): number {
  const { id, pid, fd, sizeBytes } = place;
  let opened: number;
  try {
    const handle = openSync(`/proc/${pid}/fd/${fd}`, O_PATH);
    try {
      const name = readlinkSync(`/proc/self/fd/${handle}`);
      if (name !== `/memfd:${LABEL}${id} (deleted)`) throw new Error(`It is ${name}`);
      opened = openSync(`/proc/self/fd/${handle}`, constants.O_RDWR);
    } finally {
      closeSync(handle);
    }
  } catch (cause) {
    throw gone(place, cause);
  }
  // Sealed, the size stays: a file that shrinks under a mapping would crash this process.
  const isSound = fstatSync(opened).size === sizeBytes && requireNativeMemory().isSealed(opened);
  if (isSound) return opened;
  closeSync(opened);
  throw new SharedMemoryError(`The shared memory ${id} of process ${pid} is not what was announced.`);
}

/**
 * The memory of a segment that another process has: the buffer that this process has for it already, or a new one.
 *
 * @throws SharedMemoryError when it can't be opened, or is not what was announced.
 */
export function openSegment(place: SegmentPlace, owner: ProcessTask): ArrayBuffer {
  const known = byId.get(place.id)?.buffer;
  if (known !== undefined) return known;
  requireNativeMemory();
  return mapFile(place.id, openFile(place), place.sizeBytes, owner);
}

/** Copies that have arrived: several views of one message share one. */
const copies = new Map<string, WeakRef<ArrayBuffer>>();
const collectedCopies = new FinalizationRegistry<string>((id) => copies.delete(id));

/**
 * The memory of a segment that was made to carry a copy here: this process alone has it from now on, and sends it as
 * it does any other array.
 *
 * @throws SharedMemoryError when it can't be opened, or is not what was announced.
 */
export function openCopy(place: SegmentPlace): ArrayBuffer {
  const known = copies.get(place.id)?.deref();
  if (known !== undefined) return known;
  const native = requireNativeMemory();
  const fd = openFile(place);
  try {
    const buffer = native.map(fd, place.sizeBytes);
    noteSegment();
    copies.set(place.id, new WeakRef(buffer));
    collectedCopies.register(buffer, place.id);
    return buffer;
  } finally {
    // The mapping keeps the memory.
    closeSync(fd);
  }
}
