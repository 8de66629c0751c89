import process from "node:process";
import { closeSync } from "node:fs";
import { constants } from "node:fs";
import { openSync } from "node:fs";
import { readSync } from "node:fs";

import { MAX_JOURNAL_BYTES } from "./journal.js";
import { isMappedJournal } from "./mapped-journal.js";
import { readJournal } from "./journal.js";
import { lastBegunIn } from "./mapped-journal.js";
import { mappedJournalBytes } from "./mapped-journal.js";
import { readMappedJournal } from "./mapped-journal.js";
import type { ToParentMessage } from "../messages/protocol.js";

/** Where Linux keeps files in memory. */
const FOLDER = "/dev/shm";

/** Source: open(2) and asm-generic/fcntl.h; Node has no constant for it. */
const O_TMPFILE = constants.O_DIRECTORY | 0o20_000_000;

/** Enough to tell what kind of a journal it is, and what a mapped one says of itself, in bytes. */
const HEAD_BYTES = 64;

/** Where journals are read to that are looked at for a moment only; used again. */
const head = Buffer.alloc(HEAD_BYTES);
const headAgain = Buffer.alloc(HEAD_BYTES);
let scratch: Buffer | undefined;

function parse(bytes: Buffer, isWhole: boolean): ToParentMessage[] {
  return isMappedJournal(bytes) ? readMappedJournal(bytes, isWhole) : readJournal(bytes);
}

/** One worker's journal, as its parent reads it: a file that never has a name, so that nothing can be left of it. */
export class WorkerJournal {
  readonly fd: number;
  #isOpen = true;

  private constructor(fd: number) {
    this.fd = fd;
  }

  /**
   * Makes one; `undefined` where it can't be had (another system, no /dev/shm, no descriptor left): then all is sent.
   */
  static open(platform: NodeJS.Platform = process.platform, folder: string = FOLDER): WorkerJournal | undefined {
    if (platform !== "linux") return undefined;
    try {
      return new WorkerJournal(openSync(folder, O_TMPFILE | constants.O_RDWR, 0o600));
    } catch {
      return undefined;
    }
  }

  /** What the worker, which has ended, has kept. */
  read(): ToParentMessage[] {
    const bytes = this.#readInto(Buffer.allocUnsafe(MAX_JOURNAL_BYTES));
    return bytes === undefined ? [] : parse(bytes, true);
  }

  /** The number of the last task of a worker that still runs of which it has kept anything; 0 for none. */
  lastTask(): number {
    const first = this.#readInto(head);
    if (first === undefined) return 0;
    if (isMappedJournal(first)) {
      const second = this.#readInto(headAgain);
      return second?.equals(first) === true ? lastBegunIn(second) : 0;
    }
    return Math.max(0, ...this.#readTwice(MAX_JOURNAL_BYTES).map((kept) => ("taskId" in kept ? kept.taskId : 0)));
  }

  /**
   * What a worker that still runs has kept: it may be writing, so two readings must be the same. (The mark that makes
   * a record count is written last; whoever saw it finds all of the record the next time.)
   */
  readWhileWritten(): ToParentMessage[] {
    const start = this.#readInto(head);
    if (start === undefined) return [];
    return this.#readTwice(isMappedJournal(start) ? mappedJournalBytes(start) : MAX_JOURNAL_BYTES);
  }

  #readTwice(sizeBytes: number): ToParentMessage[] {
    scratch ??= Buffer.allocUnsafeSlow(MAX_JOURNAL_BYTES);
    const first = this.#readInto(scratch.subarray(0, sizeBytes));
    const second = first && this.#readInto(Buffer.allocUnsafe(first.byteLength));
    return first === undefined || second?.equals(first) !== true ? [] : parse(second, false);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.fd);
  }

  #readInto(target: Buffer): Buffer | undefined {
    if (!this.#isOpen) return undefined;
    try {
      return target.subarray(0, readSync(this.fd, target, 0, target.byteLength, 0));
    } catch {
      return undefined;
    }
  }
}
