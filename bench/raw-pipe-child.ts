/** The child of the raw limit: runs what comes, answers what came together together. Nothing else. */

import { Socket } from "node:net";
import { writeSync } from "node:fs";

import { JOBS } from "./jobs.js";
import { RawPipe } from "./raw-pipe-frame.js";

const CALLS_FD = 3;
const ANSWERS_FD = 4;

const jobs = Object.values(JOBS) as readonly ((argument: unknown) => unknown)[];

/** Blocks: it is faster than a stream, and the parent always reads. */
function write(buffer: Uint8Array): void {
  for (let at = 0; at < buffer.byteLength;) at += writeSync(ANSWERS_FD, buffer, at, buffer.byteLength - at);
}

const socket = new Socket({ fd: CALLS_FD, readable: true, writable: false });
const pipe = new RawPipe(write, (id, job, value) => pipe.send(id, job, jobs[job]?.(value)));
socket.on("error", () => process.exit(1));
socket.on("close", () => process.exit(0));
socket.on("data", (chunk) => pipe.take(chunk));
