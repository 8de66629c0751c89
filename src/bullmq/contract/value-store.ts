import { constants } from "node:fs";
import { mkdir } from "node:fs/promises";
import { opendir } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { rename } from "node:fs/promises";
import { rm } from "node:fs/promises";
import { writeFile } from "node:fs/promises";
import path from "node:path";

import { InvalidOptionError } from "../../errors.js";

/**
 * Keeps large values beside Redis. The executor and its hosts reach the same objects through stores of their own. A
 * method that fails rejects: the call whose value it is fails then, and no other.
 */
export interface ValueStore {
  /** Keeps bytes under a key of digits, letters and hyphens. No reader may see a part of them. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** Gives what was put; `undefined` when it is gone. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Removes what was put, if it is there. */
  delete(key: string): Promise<void>;
  /** Lists what is there, so that hosts can delete what has expired. Leave it out if the store sees to that itself. */
  keys?(): AsyncIterable<string>;
}

/** What a key, or the name of a file that was not written to its end, looks like. No path leads out of the folder. */
const KEY = /^[A-Za-z\d][\w-]{0,150}(\.[\w-]+\.tmp)?$/;

/** Nobody else may read what tasks are given and give back. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

function isMissing(error: unknown): boolean {
  return (error as { readonly code?: unknown } | null)?.code === "ENOENT";
}

/** A folder that the program and all hosts share, with a file for each large value. */
export class FolderStore implements ValueStore {
  readonly #folder: string;

  /**
   * @param folder - Is made with the first value when it is not there.
   * @throws InvalidOptionError for what is no path.
   */
  constructor(folder: string) {
    if (typeof folder !== "string" || folder === "") throw new InvalidOptionError("folder", "a path", folder);
    this.#folder = path.resolve(folder);
  }

  /** Writes a file under another name first: nobody reads half of it. */
  async put(key: string, bytes: Uint8Array): Promise<void> {
    const file = this.#fileOf(key);
    const unfinished = `${file}.${randomUUID()}.tmp`;
    await mkdir(this.#folder, { recursive: true, mode: FOLDER_MODE });
    try {
      await writeFile(unfinished, bytes, { flag: "wx", mode: FILE_MODE });
      await rename(unfinished, file);
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    }
  }

  /** Reads a file. */
  async get(key: string): Promise<Uint8Array | undefined> {
    const file = this.#fileOf(key);
    try {
      // No link either leads out of the folder.
      return await readFile(file, { flag: constants.O_RDONLY | constants.O_NOFOLLOW });
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** Removes a file. */
  async delete(key: string): Promise<void> {
    await rm(this.#fileOf(key), { force: true });
  }

  /** Lists the files, those that were not written to their end, too. */
  async *keys(): AsyncGenerator<string> {
    try {
      for await (const { name } of await opendir(this.#folder)) if (KEY.test(name)) yield name;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  /** @throws TypeError for what could be another file than one of this folder. */
  #fileOf(key: string): string {
    if (!KEY.test(key)) throw new TypeError(`"${key}" is no key of a stored value.`);
    return path.join(this.#folder, key);
  }
}
