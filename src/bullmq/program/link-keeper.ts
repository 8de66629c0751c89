import type { QueueLink } from "./queue-link.js";
import type { TaskModule } from "../contract/task-module.js";

/** The one link of a producer: opened when it is needed, and closed even while it waits for a Redis. */
export class LinkKeeper {
  readonly #open: (closing: AbortSignal) => Promise<QueueLink>;
  readonly #closing = new AbortController();
  #opening: Promise<QueueLink> | undefined;
  #link: QueueLink | undefined;

  /** @param open - Gives up when the signal is aborted. */
  constructor(open: (closing: AbortSignal) => Promise<QueueLink>) {
    this.#open = open;
  }

  get(): Promise<QueueLink> {
    if (this.#opening === undefined) {
      this.#opening = this.#open(this.#closing.signal);
      this.#opening.then(
        (link) => (this.#link = link),
        // Each task that waits for it fails with it; the next one tries anew.
        () => (this.#opening = undefined),
      );
    }
    return this.#opening;
  }

  /** The task module, once it is loaded. */
  get module(): TaskModule | undefined {
    return this.#link?.module;
  }

  async close(): Promise<void> {
    if (this.#link === undefined) this.#closing.abort();
    else await this.#link.close();
  }
}
