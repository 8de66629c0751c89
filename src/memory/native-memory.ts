/**
 * What shared memory asks of the operating system: memory that is a file without a name, laid over an ArrayBuffer.
 *
 * Node.js has no call for this, so it goes through koffi, an optional dependency, which is loaded when it is first
 * needed and never before. Linux only: other processes find the memory by its descriptor in /proc.
 *
 * The ArrayBuffer is that of a `WebAssembly.Memory`, whose pages are then replaced. It is V8 itself that gives such
 * pages back when the last view is gone, so no view can ever reach memory that isn't there; no `transfer()` or
 * `postMessage()` moves them elsewhere; and their size counts when V8 decides to collect. What was tried and dropped:
 *
 * - An external ArrayBuffer (`koffi.view`), unmapped by a FinalizationRegistry: `transfer()` moves the pages to
 *   another ArrayBuffer, of which nobody hears, and the next access crashes. Marking it untransferable aborts Node 24
 *   and 26 when they exit.
 * - A file in /dev/shm: it stays when its makers are killed.
 */

import process from "node:process";
import { accessSync } from "node:fs";
import { closeSync } from "node:fs";
import { ftruncateSync } from "node:fs";

import { checkKnownSystem } from "../system/foreign-functions.js";
import { SharedMemoryError } from "../errors.js";
import { loadForeignFunctions as loadKoffi } from "../system/foreign-functions.js";
import { nameOfErrno } from "../system/foreign-functions.js";
import type { ForeignFunctions } from "../system/foreign-functions.js";

/** Both the unit of a segment's size and the size of a WebAssembly page, in bytes. */
export const UNIT_BYTES: number = 64 * 1024;

/** The largest segment, in bytes: one unit below 4 GiB. */
export const MAX_SEGMENT_BYTES: number = 65_535 * UNIT_BYTES;

/** The only part of WebAssembly that is used; its types come with those of browsers. */
interface WebAssemblyMemory {
  readonly Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
}

/** Where this process runs, and how it gets at koffi; a test has its own. */
export interface MemoryHost {
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  /** @throws when the module is not there. */
  loadForeignFunctions(): ForeignFunctions;
}

/** The calls to the operating system. */
export interface NativeMemory {
  /**
   * Makes memory that is a file without a name, and seals its size.
   *
   * @param reservedBytes - So much of it is really there from the start; the rest when it is first used.
   * @returns Its descriptor.
   * @throws SharedMemoryError when there is not enough memory.
   */
  createFile(label: string, sizeBytes: number, reservedBytes: number): number;
  /** Whether nobody can change the size of the file any more. */
  isSealed(fd: number): boolean;
  /**
   * Makes an ArrayBuffer of which every byte is the file's. @throws SharedMemoryError when there is no room for it.
   */
  map(fd: number, sizeBytes: number): ArrayBuffer;
  /** Takes the file away from an ArrayBuffer, which holds zeros from then on. */
  unmap(buffer: ArrayBuffer): void;
}

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
const F_GET_SEALS = 1034;
const F_SEAL_SEAL = 1;
const F_SEAL_SHRINK = 2;
const F_SEAL_GROW = 4;
const SIZE_SEALS = F_SEAL_SHRINK | F_SEAL_GROW;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 0x01;
const MAP_PRIVATE = 0x02;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;
const PR_GET_DUMPABLE = 3;

/** Memory is set aside in steps of this size, in bytes, so that a signal doesn't undo the whole. */
const RESERVE_STEP_BYTES = 256 * 1024 * 1024;

/** What a user can do about a failed call. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ["EMFILE", "Dispose shared arrays or close files, or raise the limit of this process (ulimit -n)."],
  ["ENFILE", "Close files: the whole system has no more."],
  ["ENOMEM", "Free memory, or make the array smaller."],
  ["ENOSPC", "Free memory, or make the array smaller."],
]);

const host: MemoryHost = {
  platform: process.platform,
  arch: process.arch,
  loadForeignFunctions: loadKoffi,
};

/**
 * Gives the calls, bound by koffi.
 *
 * @throws Error that says why there is no shared memory here.
 */
export function bindNativeMemory({ platform, arch, loadForeignFunctions }: MemoryHost): NativeMemory {
  checkKnownSystem(platform, arch);
  const { WebAssembly: assembly } = globalThis as { readonly WebAssembly?: WebAssemblyMemory };
  if (assembly === undefined) throw new Error("this Node.js runs without WebAssembly");
  accessSync("/proc/self/fd");
  const foreign = loadForeignFunctions();
  const library = foreign.load(null);
  const memfdCreate = library.func("int memfd_create(const char *name, unsigned int flags)");
  const fallocate = library.func("int fallocate(int fd, int mode, int64_t offset, int64_t length)");
  const fcntl = library.func("int fcntl(int fd, int command, int argument)");
  const mmap = library.func(
    "intptr_t mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)",
  );
  const prctl = library.func("int prctl(int option, long a, long b, long c, long d)");
  if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) !== 1) {
    throw new Error("this process keeps other processes out of its /proc entry (it is not dumpable)");
  }

  function failed(what: string): SharedMemoryError {
    const errno = nameOfErrno(foreign, foreign.errno());
    const advice = ADVICE.get(errno);
    return new SharedMemoryError(`${what} failed: ${errno}.${advice === undefined ? "" : ` ${advice}`}`);
  }

  function reserve(fd: number, sizeBytes: number): void {
    for (let from = 0; from < sizeBytes; from += RESERVE_STEP_BYTES) {
      while (fallocate(fd, 0, from, Math.min(RESERVE_STEP_BYTES, sizeBytes - from)) !== 0) {
        if (foreign.errno() !== foreign.os.errno["EINTR"]) {
          throw failed(`Setting aside ${sizeBytes} bytes of shared memory`);
        }
      }
    }
  }

  function lay(buffer: ArrayBuffer, flags: number, fd: number): void {
    const address = mmap(new Uint8Array(buffer), buffer.byteLength, PROT_READ_WRITE, flags | MAP_FIXED, fd, 0);
    if (Number(address) === -1) throw failed(`Mapping ${buffer.byteLength} bytes of shared memory`);
  }

  return {
    createFile(label, sizeBytes, reservedBytes) {
      const fd = memfdCreate(label, MFD_CLOEXEC | MFD_ALLOW_SEALING) as number;
      if (fd < 0) throw failed("Making a piece of shared memory");
      try {
        ftruncateSync(fd, sizeBytes);
        // Now, and with an error: a lack of memory met later, in an assignment, would be a SIGBUS.
        reserve(fd, reservedBytes);
        if (fcntl(fd, F_ADD_SEALS, SIZE_SEALS | F_SEAL_SEAL) !== 0) throw failed("Sealing shared memory");
        return fd;
      } catch (error) {
        closeSync(fd);
        throw error;
      }
    },
    isSealed: (fd) => ((fcntl(fd, F_GET_SEALS, 0) as number) & SIZE_SEALS) === SIZE_SEALS,
    map(fd, sizeBytes) {
      const units = sizeBytes / UNIT_BYTES;
      let buffer: ArrayBuffer;
      try {
        ({ buffer } = new assembly.Memory({ initial: units, maximum: units }));
      } catch (cause) {
        throw new SharedMemoryError(
          `There is no room for ${sizeBytes} bytes in this process's address space. Share fewer arrays, or raise the limit (ulimit -v).`,
          {
            cause,
          },
        );
      }
      lay(buffer, MAP_SHARED, fd);
      return buffer;
    },
    unmap: (buffer) => lay(buffer, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1),
  };
}

let bound: NativeMemory | undefined;
let whyNot: string | undefined;
let hasWarned = false;

function tryToBind(from: MemoryHost): void {
  try {
    bound = bindNativeMemory(from);
    whyNot = undefined;
  } catch (error) {
    bound = undefined;
    [whyNot = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  }
}

/** The calls; `undefined` where there is no shared memory. */
export function nativeMemory(): NativeMemory | undefined {
  if (bound === undefined && whyNot === undefined) tryToBind(host);
  return bound;
}

/** The calls. @throws SharedMemoryError where there is no shared memory. */
export function requireNativeMemory(): NativeMemory {
  const native = nativeMemory();
  if (native === undefined) throw new SharedMemoryError(`There is no shared memory in this process: ${whyNot}.`);
  return native;
}

/** Says, once in this process, that arrays are copied although shared memory was asked for. */
export function warnOfCopying(): void {
  if (hasWarned) return;
  hasWarned = true;
  process.emitWarning(
    `Shared memory is not available: ${whyNot}. Everything works, but arrays are copied between processes. ` +
      "See docs/shared-memory.md.",
    { type: "AsyncCpuWarning", code: "ASYNCCPU_NO_SHARED_MEMORY" },
  );
}

/** Starts anew on another host; for tests. */
export function useMemoryHost(other: MemoryHost = host): void {
  hasWarned = false;
  tryToBind(other);
}
