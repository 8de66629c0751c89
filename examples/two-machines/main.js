import { BullMQTaskExecutor } from "asynccpu/bullmq";

import { countPrimes } from "./tasks.js";

const STEP = 100_000;
const STARTS = Array.from({ length: 20 }, (_, index) => index * STEP);

const executor = new BullMQTaskExecutor({
  connection: { url: process.env.REDIS_URL ?? "redis://localhost:6379" },
  queue: "primes",
  tasks: new URL("./tasks.js", import.meta.url),
});
try {
  const future = executor.submit(countPrimes, 0, STEP);
  const { host, id } = await future.started;
  console.log(`countPrimes runs on ${host}, in process ${id}.`);
  console.log(`Primes below ${STEP}: ${await future}`);

  let total = 0;
  const ends = STARTS.map((start) => start + STEP);
  for await (const count of executor.map(countPrimes, STARTS, ends)) total += count;
  console.log(`Primes below ${STARTS.length * STEP}: ${total}`);
} finally {
  await executor.shutdown();
}
