/**
 * One measure of asynccpu/bullmq or bare BullMQ in a process of its own, with its hosts.
 *
 *     node bullmq-probe.js SIDE URL PLAN       prints the figures as one line of JSON
 */

import { randomUUID } from "node:crypto";

import { Hosts } from "./bullmq-hosts.js";
import { check } from "./measure.js";
import { openProducer } from "./bullmq-sides.js";
import type { BullMQMeasure } from "./run-bullmq.js";
import type { Producer } from "./bullmq-sides.js";
import type { SideName } from "./bullmq-sides.js";

/** Where there are no chunks, a map is as many calls, of which so many are on their way. */
const MAPPED_IN_FLIGHT = 1024;

async function keepInFlight(producer: Producer, count: number, inFlight: number): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const value = next;
      next += 1;
      check((await producer.run(value)) === value, `no-op ${value} gave something else`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

async function mapAll(producer: Producer, count: number): Promise<void> {
  if (producer.map === undefined) return keepInFlight(producer, count, MAPPED_IN_FLIGHT);
  let seen = 0;
  for await (const value of producer.map(Array.from({ length: count }, (_, index) => index))) {
    check(value === seen, `item ${seen} of a map gave something else`);
    seen += 1;
  }
  return check(seen === count, "a map has lost items");
}

async function perSecond(count: number, body: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await body();
  return (count / (performance.now() - start)) * 1000;
}

async function measureTrips(producer: Producer, trips: number): Promise<Record<string, number>> {
  const times: number[] = [];
  for (let trip = 0; trip < trips; trip += 1) {
    const start = performance.now();
    check((await producer.run(trip)) === trip, "a lone no-op gave something else");
    times.push((performance.now() - start) * 1000);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { p50us: at(0.5), p99us: at(0.99) };
}

async function measure(producer: Producer, { kind, count, inFlight }: BullMQMeasure): Promise<Record<string, number>> {
  if (kind === "trips") return measureTrips(producer, count);
  const body = kind === "map" ? () => mapAll(producer, count) : () => keepInFlight(producer, count, inFlight);
  return { perSecond: await perSecond(count, body) };
}

const [side = "", url = "", planText = "{}"] = process.argv.slice(2);
const plan = JSON.parse(planText) as BullMQMeasure;
const place = { url, queue: `bench-${randomUUID()}` };
const hosts = new Hosts({ side: side as SideName, place, jobs: plan.jobs });
for (let index = 0; index < plan.hosts; index += 1) await hosts.add();
const producer = await openProducer(side as SideName, place);
await keepInFlight(producer, plan.warmTasks, Math.max(plan.inFlight, 1));
const figures = await measure(producer, plan);
await hosts.close();
await producer.close();
process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit(0));
