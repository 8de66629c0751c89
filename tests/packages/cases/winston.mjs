import winston from "winston";

import { run } from "../run.mjs";

const logger = winston.createLogger({ level: "info", transports: [new winston.transports.Console()] });

function sum(numbers) {
  const total = numbers.reduce((before, number) => before + number, 0);
  logger.info(`summed ${total}`);
  return total;
}

run([sum, [1, 2, 3]]);
