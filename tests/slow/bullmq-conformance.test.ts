import { after } from "node:test";
import { randomUUID } from "node:crypto";

import { BullMQTaskExecutor } from "asynccpu/bullmq";
import { BullMQTaskHost } from "asynccpu/bullmq";

import { RedisServer } from "../testlibraries/redis-server.js";
import { describeExecutor } from "../testlibraries/executor-conformance.js";
import type { ConformanceOptions } from "../testlibraries/executor-conformance-ends.js";

const redis = await RedisServer.forTests();

/** An executor with a host of its own, which ends with it. */
class ServedExecutor extends BullMQTaskExecutor {
  readonly #host: BullMQTaskHost;

  constructor({ graceMs, maxWorkers = 2, ...options }: ConformanceOptions) {
    const shared = {
      connection: { url: redis.url },
      queue: `conformance-${randomUUID()}`,
      tasks: new URL("../fixtures/conformance-exports.js", import.meta.url),
    };
    super({ ...shared, ...options });
    this.#host = new BullMQTaskHost({ ...shared, graceMs, jobs: maxWorkers });
    void this.#host.start();
  }

  override async shutdown(options = {}): Promise<void> {
    await super.shutdown(options);
    // Of a test that has failed, a task may wait for ever.
    await this.#host.close(0);
  }
}

describeExecutor("bullmq", (options = {}) => new ServedExecutor(options), { isNear: false, hasLogs: true });

// The last: executors of the suite end before.
after(() => redis[Symbol.asyncDispose]());
