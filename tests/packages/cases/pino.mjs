import pino from "pino";

import { run } from "../run.mjs";

const logger = pino({ level: "warn" });
const child = logger.child({ module: "sums" });

function sum(numbers) {
  let total = 0;
  for (const number of numbers) total += number;
  logger.warn({ total }, "summed");
  child.info("not shown");
  return total;
}

run([sum, [1, 2, 3]]);
