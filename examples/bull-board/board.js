// Shows the tasks of a queue in a browser, with their names, progress and logs.
//
//     node board.js MODULE [QUEUE]
//
// MODULE and QUEUE are those of the hosts. REDIS_URL says where Redis is, PORT where to look (default: 3000).

import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { ExpressAdapter } from "@bull-board/express";
import { Queue } from "bullmq";
import { createBullBoard } from "@bull-board/api";
import { findQueue } from "asynccpu/bullmq";
import express from "express";

const [tasks = "../two-machines/tasks.js", queueName = "primes"] = process.argv.slice(2);
const url = process.env.REDIS_URL ?? "redis://localhost:6379";

// Each version of the tasks has a queue of its own.
const { name, prefix } = await findQueue({ queue: queueName, tasks });
const queue = new Queue(name, { prefix, connection: { url } });

const serverAdapter = new ExpressAdapter();
// A task that is run again from here would have nobody who waits for it.
createBullBoard({ queues: [new BullMQAdapter(queue, { readOnlyMode: true })], serverAdapter });

const app = express();
app.use("/", serverAdapter.getRouter());
// It asks for no password, so only this machine may look.
const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`Shows ${name} on http://localhost:${server.address().port}/`);
});

process.once("SIGTERM", () => {
  server.close();
  server.closeAllConnections();
  void queue.close();
});
