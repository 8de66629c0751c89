/** The task of the demo. A file of its own: worker hosts run the exports of a module. */

import { readFile } from "node:fs/promises";
import path from "node:path";
import { brotliCompressSync } from "node:zlib";
import { constants } from "node:zlib";

/** What was compressed, and where. */
export interface Compressed {
  readonly file: string;
  readonly sizeBytes: number;
  readonly compressedBytes: number;
  readonly cpuMs: number;
  /** The process that has started the worker: the program itself, or a worker host. */
  readonly parentPid: number;
}

/** Compresses a file with Brotli at its highest quality. Runs in a worker process. */
export async function compressFile(file: string): Promise<Compressed> {
  const before = process.cpuUsage();
  const input = await readFile(file);
  const output = brotliCompressSync(input, {
    params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY },
  });
  const used = process.cpuUsage(before);
  console.log(`${path.basename(file)}: ${input.length} -> ${output.length} bytes`);
  return {
    file,
    sizeBytes: input.length,
    compressedBytes: output.length,
    cpuMs: (used.user + used.system) / 1000,
    parentPid: process.ppid,
  };
}
