import { clearTimeout } from "../../system/timers.js";
import { isMismatch } from "../contract/versions.js";
import { setTimeout } from "../../system/timers.js";
import type { VersionMismatch } from "../contract/errors.js";

/** How often it looks while tasks wait. */
const LOOK_EVERY_MS = 1000;

/** What it looks at, and whom it tells. */
interface WatchEvents {
  /** Whether tasks wait for a host. */
  readonly isAnyWaiting: () => boolean;
  readonly findServed: () => Promise<VersionMismatch>;
  readonly onMismatch: (mismatch: VersionMismatch) => void;
}

/** Looks, while tasks wait, whether hosts serve another version than theirs alone. */
export class VersionWatch {
  readonly #events: WatchEvents;
  #timer: NodeJS.Timeout | undefined;

  constructor(events: WatchEvents) {
    this.#events = events;
  }

  /** Looks now, and then as long as tasks wait. Never rejects. */
  async look(): Promise<void> {
    clearTimeout(this.#timer);
    if (!this.#events.isAnyWaiting()) return;
    try {
      const served = await this.#events.findServed();
      if (isMismatch(served)) this.#events.onMismatch(served);
    } catch {
      // Redis is away.
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.look(), LOOK_EVERY_MS).unref();
  }
}
