/**
 * A worker host of the demo, until its standard input ends.
 *
 *     node demo-host.js REDIS-URL QUEUE JOBS
 */

import { BullMQTaskHost } from "asynccpu/bullmq";

/** Nobody is left who waits for it. */
const END_LIMIT_MS = 3000;

const [url = "", queue = "", jobs = "1"] = process.argv.slice(2);
const host = new BullMQTaskHost({
  connection: { url },
  queue,
  tasks: new URL("./compress-file.js", import.meta.url),
  jobs: Number(jobs),
  graceMs: 0,
});
// Ctrl-C in a terminal goes to every process; the program ends this one.
process.on("SIGINT", () => {});
process.stdin.resume().once("end", () => {
  setTimeout(() => process.exit(1), END_LIMIT_MS).unref();
  void host.close(0);
});
await host.start();
console.log("serving");
