/** The child of the raw limit: runs what comes, answers what came together together. Nothing else. */

import { Socket } from "node:net";
import { writeSync } from "node:fs";

import { RawPipe } from "./raw-pipe-frame.js";
import { runJob } from "./jobs.js";

const CALLS_FD = 3;
const ANSWERS_FD = 4;

/** Blocks: it is faster than a stream, and the parent always reads. */
function write(buffers: readonly Uint8Array[]): void {
  for (const buffer of buffers) {
    for (let at = 0; at < buffer.byteLength;) at += writeSync(ANSWERS_FD, buffer, at, buffer.byteLength - at);
  }
}

const socket = new Socket({ fd: CALLS_FD, readable: true, writable: false });
socket.on("error", () => process.exit(1));
socket.on("close", () => process.exit(0));
const pipe = new RawPipe(socket, write, (parcels) => {
  for (const { id, job, value } of parcels) pipe.send({ id, job, value: runJob(job, value) });
});
