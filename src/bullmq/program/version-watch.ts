import { clearTimeout } from "../../system/timers.js";
import { isMismatch } from "../contract/versions.js";
import { setTimeout } from "../../system/timers.js";
import type { SentJob } from "./sent-job.js";
import type { VersionMismatch } from "../contract/errors.js";

/** How often it looks while tasks wait. */
const LOOK_EVERY_MS = 1000;

/** What it looks at, and whom it tells. */
interface WatchEvents {
  /** The tasks that wait for a host. */
  readonly waiting: () => readonly SentJob[];
  readonly findServed: () => Promise<VersionMismatch>;
  /** Told once of each task. */
  readonly onMismatch: (job: SentJob, mismatch: VersionMismatch) => void;
}

/** Looks, while tasks wait, whether hosts serve another version than theirs alone. */
export class VersionWatch {
  readonly #events: WatchEvents;
  readonly #told = new WeakSet<SentJob>();
  #timer: NodeJS.Timeout | undefined;

  constructor(events: WatchEvents) {
    this.#events = events;
  }

  /** Looks now, and then as long as tasks wait. Never rejects. */
  async look(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#events.waiting().length === 0) return;
    try {
      const served = await this.#events.findServed();
      if (isMismatch(served)) this.#tell(served);
    } catch {
      // Redis is away.
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.look(), LOOK_EVERY_MS).unref();
  }

  #tell(served: VersionMismatch): void {
    for (const job of this.#events.waiting()) {
      if (this.#told.has(job)) continue;
      this.#told.add(job);
      this.#events.onMismatch(job, served);
    }
  }
}
