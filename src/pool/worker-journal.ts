import { closeSync } from "node:fs";
import { constants } from "node:fs";
import { openSync } from "node:fs";
import { readSync } from "node:fs";

import { MAX_JOURNAL_BYTES } from "../wire/journal.js";
import { isMappedJournal } from "../wire/mapped-journal.js";
import { readJournal } from "../wire/journal.js";
import { readMappedJournal } from "../wire/mapped-journal.js";
import type { ToParentMessage } from "../wire/protocol.js";

/** Where Linux keeps files in memory. */
const FOLDER = "/dev/shm";

/** Source: open(2) and asm-generic/fcntl.h; Node has no constant for it. */
const O_TMPFILE = constants.O_DIRECTORY | 0o20_000_000;

function parse(bytes: Buffer): ToParentMessage[] {
  return isMappedJournal(bytes) ? readMappedJournal(bytes) : readJournal(bytes);
}

/** One worker's journal, as its parent reads it: a file that never has a name, so that nothing can be left of it. */
export class WorkerJournal {
  readonly fd: number;
  #isOpen = true;

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** Makes one; `undefined` where it can't be had (another system, no /dev/shm, no descriptor left): then all is sent. */
  static open(platform: NodeJS.Platform = process.platform, folder: string = FOLDER): WorkerJournal | undefined {
    if (platform !== "linux") return undefined;
    try {
      return new WorkerJournal(openSync(folder, O_TMPFILE | constants.O_RDWR, 0o600));
    } catch {
      return undefined;
    }
  }

  /** What the worker has kept. */
  read(): ToParentMessage[] {
    const bytes = this.#readBytes();
    return bytes === undefined ? [] : parse(bytes);
  }

  /**
   * What a worker that still runs has kept: it may be writing, so two readings must be the same. (The mark that makes a
   * record count is written last; whoever saw it finds all of the record the next time.)
   */
  readWhileWritten(): ToParentMessage[] {
    const first = this.#readBytes();
    const second = this.#readBytes();
    return first === undefined || second === undefined || !first.equals(second) ? [] : parse(second);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.fd);
  }

  #readBytes(): Buffer | undefined {
    if (!this.#isOpen) return undefined;
    try {
      const bytes = Buffer.allocUnsafe(MAX_JOURNAL_BYTES);
      return bytes.subarray(0, readSync(this.fd, bytes, 0, MAX_JOURNAL_BYTES, 0));
    } catch {
      return undefined;
    }
  }
}
