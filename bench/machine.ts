import { cpus } from "node:os";
import { loadavg } from "node:os";
import { totalmem } from "node:os";

import { churn } from "./jobs.js";
import { median } from "./measure.js";

const TASK_US = 50;
const CALIBRATION_STEPS = 1_000_000;
const BYTES_PER_GIB = 1024 ** 3;

export function describeMachine(): string {
  const memory = `${(totalmem() / BYTES_PER_GIB).toFixed(1)} GiB`;
  return `${cpus().length} x ${cpus()[0]?.model.trim() ?? "unknown CPU"}, ${memory}, ${process.platform} ${process.arch}`;
}

export function describeLoad(): string {
  return loadavg()
    .map((load) => load.toFixed(2))
    .join(" ");
}

/** How many steps of `churn` take 50 µs on this machine, as it is now. */
export function calibrate(): number {
  const times = Array.from({ length: 15 }, (_, i) => {
    const start = performance.now();
    churn([CALIBRATION_STEPS, i + 1]);
    return performance.now() - start;
  });
  return Math.round((CALIBRATION_STEPS * TASK_US) / 1000 / median(times));
}
