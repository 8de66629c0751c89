import { nextTurn } from "../../system/timers.js";
import type { PoolTask } from "../../pool/queue/pool-task.js";
import type { QueueLink } from "./queue-link.js";

interface OutboxHost {
  connect(): Promise<QueueLink>;
  /** Resolves when they are in the queue, as far as they can be. Never rejects. */
  send(link: QueueLink, tasks: readonly PoolTask[]): Promise<void>;
  /** There is no connection. */
  onFailed(task: PoolTask, error: Error): void;
}

/** Tasks that are about to go to Redis: those of a turn of the event loop together. */
export class Outbox {
  readonly #host: OutboxHost;
  #tasks: PoolTask[] = [];
  #isPlanned = false;
  #sent: Promise<unknown> = Promise.resolve();

  constructor(host: OutboxHost) {
    this.#host = host;
  }

  get size(): number {
    return this.#tasks.length;
  }

  /** Resolves when what was added so far is in the queue. */
  get sent(): Promise<unknown> {
    return this.#sent;
  }

  add(task: PoolTask): void {
    this.#tasks.push(task);
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.#sent = Promise.all([this.#sent, nextTurn().then(() => this.#sendAll())]);
  }

  async #sendAll(): Promise<void> {
    try {
      const link = await this.#host.connect();
      this.#isPlanned = false;
      await this.#host.send(link, this.drain());
    } catch (error) {
      this.#isPlanned = false;
      for (const task of this.drain()) this.#host.onFailed(task, error as Error);
    }
  }

  /** @returns False when it has left, or was never here. */
  remove(task: PoolTask): boolean {
    const at = this.#tasks.indexOf(task);
    if (at !== -1) this.#tasks.splice(at, 1);
    return at !== -1;
  }

  /** Takes all out. */
  drain(): readonly PoolTask[] {
    return this.#tasks.splice(0);
  }
}
