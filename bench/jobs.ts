/** The work that the contenders run in their children: importable, so that asynccpu sends it by reference. */

import { threadId } from "node:worker_threads";

import { startProfile } from "./profiler.js";
import { stopProfile } from "./profiler.js";
import type { SelfTimes } from "./profiler.js";

/** How far apart, in bytes, the samples lie by which a large array is checked. */
const SAMPLE_STRIDE_BYTES = 65_521;

const SAMPLES = 64;

let isProfileEnded = false;

/** A 32-bit step that V8 can't fold away; its end value tells that every step was made. */
function churnSteps(steps: number, seed: number): number {
  let state = seed;
  for (let step = 0; step < steps; step += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
  }
  return state;
}

/** What `timedChurn` gives: the value, and how long the task itself took. */
export interface TimedChurn {
  readonly value: number;
  readonly ms: number;
}

/** Exported, as the others are: what is an export travels by reference. @public */
export function noop(value: number): number {
  return value;
}

/** Keeps the CPU busy for a fixed number of steps, about 1 ns each. */
export function churn([steps, seed]: readonly [number, number]): number {
  return churnSteps(steps, seed);
}

/** @public */
export function timedChurn([steps, seed]: readonly [number, number]): TimedChurn {
  const start = performance.now();
  const value = churnSteps(steps, seed);
  return { value, ms: performance.now() - start };
}

/** What travels is as with `timedChurn`; a function of its own, as pools may learn how long one takes. @public */
export function timedNoop([, seed]: readonly [number, number]): TimedChurn {
  const start = performance.now();
  return { value: seed, ms: performance.now() - start };
}

/** Adds up a sample of an array's bytes, and its length. */
export function checksum(bytes: Uint8Array): number {
  let sum = bytes.byteLength;
  for (let at = 0; at < bytes.byteLength; at += SAMPLE_STRIDE_BYTES) sum += bytes[at] ?? 0;
  return sum;
}

/** Adds up as many bytes of an array of whatever size, and its length: costs the same for all sizes. */
export function sampleSum(bytes: Uint8Array): number {
  const strideBytes = Math.ceil(bytes.byteLength / SAMPLES);
  let sum = bytes.byteLength;
  for (let at = 0; at < bytes.byteLength; at += strideBytes) sum += bytes[at] ?? 0;
  return sum;
}

/** @public */
export function echo(bytes: Uint8Array): Uint8Array {
  return bytes;
}

/** Who the worker is, process or thread; takes a given time, so that one worker can't take all such tasks. @public */
export function workerId(busyMs: number): string {
  const end = performance.now() + busyMs;
  while (performance.now() < end) {
    // Busy is what it shall be.
  }
  return `${process.pid}:${threadId}`;
}

/** As `workerId`, and profiles the worker from here on. @public */
export function beginProfile(busyMs: number): string {
  startProfile();
  return workerId(busyMs);
}

/** Ends the worker's profile; undefined when it has been ended before. Takes its time, as `workerId` does. @public */
export function endProfile(busyMs: number): SelfTimes | undefined {
  workerId(busyMs);
  if (isProfileEnded) return undefined;
  isProfileEnded = true;
  return stopProfile();
}

/** The jobs by their names, which is how the raw limit and fork's channel send them. */
export const JOBS = {
  noop,
  churn,
  timedChurn,
  timedNoop,
  checksum,
  sampleSum,
  echo,
  workerId,
  beginProfile,
  endProfile,
} as const;

export type JobName = keyof typeof JOBS;

/** In the order of `JOBS`: a position is what travels on the raw pipe. */
export const JOB_NAMES: readonly JobName[] = Object.keys(JOBS) as JobName[];

/** Runs a job of whatever name with whatever argument: both come off a wire. */
export function runJob(name: JobName, argument: unknown): unknown {
  return (JOBS[name] as (argument: unknown) => unknown)(argument);
}
