/**
 * All figures by which the pool paces its workers: how many tasks they are given ahead, when messages leave, and when
 * somebody looks after a worker. They decide about speed and fairness, never about what is right.
 */

// Given ahead.

/** A worker holds tasks that take this long in all, in microseconds: then it never waits for this process. */
export const HELD_US = 40_000;

/** The most tasks that a worker holds. */
export const MAX_HELD = 2048;

/** The most ended tasks of a worker whose outcomes were not read yet: the pipe in which they wait has its bounds. */
export const MAX_PAST = 8192;

/** A task that takes up to this long, in microseconds, may have one more waiting behind it. */
export const MAX_AHEAD_US = 200_000;

/**
 * Tasks that take up to this long, in microseconds, go to a worker that is busy with such tasks rather than to an idle
 * one: to wake that would cost as much as the task. The second figure is how much the busy worker may hold.
 */
export const MAX_SHORT_US = 10;
/** See `MAX_SHORT_US`; in microseconds. */
export const MAX_SHORT_LOAD_US = 200;

/** A task of this size, in bytes, has no other one sent behind it while it waits: the worker's memory is spared. */
export const LARGE_BYTES: number = 1024 * 1024;

// While one turn of the event loop submits for long.

/** The clock is looked at once in this many submissions, at least. */
export const MOST_SUBMISSIONS = 32;

/** The time after which workers are looked at, and looked at again, in milliseconds. */
export const LOOK_AFTER_MS = 2;

/** Looks take at most this part of the time: one in twenty. */
export const LOOK_SHARE = 20;

/** Workers whose tasks take less, in microseconds, are not looked at: to feed them takes nearly as long. */
export const WORTH_A_LOOK_US = 30;

// When messages leave.

/** An outcome doesn't wait for a task behind it that is expected to take this long, in microseconds. */
export const LONG_FROM_US = 200;

// When somebody looks after a worker.

/**
 * How long a task may hold up the tasks behind it, in milliseconds: the expected time by this factor, but no less and
 * no more than the two limits.
 */
export const PATIENCE = 1.5;
/** See `PATIENCE`. */
export const LEAST_PATIENCE_MS = 20;
/** See `PATIENCE`. */
export const MOST_PATIENCE_MS = 1000;

/** The same while another worker has nothing to do, in milliseconds. */
export const URGENT_MS = 2;

/** The same when the worker was asked to give its tasks back and owes the answer: a stopped one never answers. */
export const ASKED_MS = 100;

/** A large task on its way to its worker holds up none while it arrives at this rate at least, in bytes per ms. */
export const SLOW_BYTES_PER_MS = 10_000;

/** How long somebody waits who wants to know whether a task has begun, in milliseconds. */
export const START_PATIENCE_MS = 2;

/** A timer that is due this soon, in milliseconds, is not set anew for a task that is to be looked at earlier. */
export const SOON_MS = 20;
