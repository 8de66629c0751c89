/**
 * A host of a measure of BullMQ, until its standard input ends.
 *
 *     node bullmq-host.js SIDE URL QUEUE JOBS [LOCK-MS]
 */

import { openHost } from "./bullmq-sides.js";
import type { SideName } from "./bullmq-sides.js";

const [side = "", url = "", queue = "", jobs = "", lockMs] = process.argv.slice(2);
const lock = lockMs === undefined ? [] : [Number(lockMs)];
const close = await openHost(side as SideName, { url, queue }, Number(jobs), ...lock);
process.stdin.resume().once("end", () => void close().finally(() => process.exit(0)));
process.stdout.write("serving\n");
