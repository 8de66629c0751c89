/** The rules of SignalCoordinator and onProcessExit that a real signal can't show at will. */

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { describe } from "node:test";
import { test } from "node:test";

import { SignalCoordinator } from "../../../src/system/signals/coordinator.js";
import type { SignalHost } from "../../../src/system/signals/coordinator.js";
import { onProcessExit } from "../../../src/system/signals/signals.js";
import { waitUntil } from "../../testlibraries/wait-until.js";

class FakeHost extends EventEmitter implements SignalHost {
  readonly platform: NodeJS.Platform;
  readonly isMainThread: boolean;
  readonly raised: string[] = [];

  constructor(platform: NodeJS.Platform = "linux", isMainThread = true) {
    super();
    this.platform = platform;
    this.isMainThread = isMainThread;
  }

  raise(signal: NodeJS.Signals): void {
    assert.equal(this.listenerCount(signal), 0, "nothing may catch the signal any more");
    this.raised.push(signal);
  }

  deferringListenerCount(): number {
    return 0;
  }
}

interface Call {
  finish(): void;
}

function makeGuard(log: string[], calls: Call[] = []): { onSignal(): Promise<void>; onEmergency(): void } {
  return {
    onSignal: () => {
      log.push("signal");
      return new Promise((resolve) => calls.push({ finish: resolve }));
    },
    onEmergency: () => void log.push("emergency"),
  };
}

describe("the coordinator of signals", () => {
  test("it listens only while there are guards, once for each signal", () => {
    const host = new FakeHost();
    const coordinator = new SignalCoordinator(host);
    const release = [1, 2, 3].map(() => coordinator.guard(makeGuard([])));
    assert.deepEqual(host.eventNames().map(String).toSorted(), ["SIGHUP", "SIGINT", "SIGTERM"]);
    assert.equal(host.listenerCount("SIGTERM"), 1);
    for (const each of release) each();
    for (const each of release) each();
    assert.deepEqual(host.eventNames(), []);
  });

  test("on Windows it listens to what there is; in a worker thread to nothing", () => {
    const windows = new FakeHost("win32");
    new SignalCoordinator(windows).guard(makeGuard([]));
    assert.deepEqual(windows.eventNames().map(String).toSorted(), ["SIGBREAK", "SIGHUP", "SIGINT"]);
    const thread = new FakeHost("linux", false);
    const release = new SignalCoordinator(thread).guard(makeGuard([]));
    assert.deepEqual(thread.eventNames(), []);
    release();
  });

  test("a signal that can't be listened to is refused and leaves nothing behind", () => {
    const host = new FakeHost();
    host.prependListener = () => {
      throw new Error("EINVAL");
    };
    const coordinator = new SignalCoordinator(host);
    assert.throws(() => coordinator.guard({ ...makeGuard([]), signals: ["SIGKILL"] }), /EINVAL/);
    assert.deepEqual(host.eventNames(), []);
  });

  test("the guard that doesn't want this signal is ended in an emergency before the process ends", async () => {
    const host = new FakeHost();
    const coordinator = new SignalCoordinator(host);
    const log: string[] = [];
    const calls: Call[] = [];
    coordinator.guard({ ...makeGuard(log, calls), signals: ["SIGTERM"] });
    const other: string[] = [];
    coordinator.guard({ ...makeGuard(other), signals: ["SIGINT"] });
    host.emit("SIGTERM");
    await waitUntil(() => calls.length === 1, { what: "the clean-up" });
    calls[0]?.finish();
    await waitUntil(() => host.raised.length === 1, { what: "the end" });
    assert.deepEqual([log, other, host.raised], [["signal"], ["emergency"], ["SIGTERM"]]);
  });

  test("a second signal is heard even when all guards have been released during the clean-up", async () => {
    const host = new FakeHost();
    const calls: Call[] = [];
    const release = new SignalCoordinator(host).guard(makeGuard([], calls));
    host.emit("SIGTERM");
    await waitUntil(() => calls.length === 1, { what: "the clean-up" });
    release();
    assert.equal(host.listenerCount("SIGINT"), 1);
    host.emit("SIGINT");
    assert.deepEqual(host.raised, ["SIGINT"]);
    calls[0]?.finish();
    await new Promise(setImmediate);
    assert.deepEqual(host.raised, ["SIGINT"], "the clean-up that ends later raises nothing");
  });

  test("a user's once listener that removed itself holds the exit, and a later guard starts anew", async () => {
    const host = new FakeHost();
    const coordinator = new SignalCoordinator(host);
    host.once("SIGINT", () => {});
    const calls: Call[] = [];
    const log: string[] = [];
    coordinator.guard(makeGuard(log, calls));
    for (const expected of [[], ["SIGINT"]]) {
      host.emit("SIGINT");
      await waitUntil(() => calls.length === 1, { what: "the clean-up" });
      calls.pop()?.finish();
      await waitUntil(() => host.listenerCount("SIGINT") === 0, { what: "the end of the clean-up" });
      assert.deepEqual(host.raised, expected);
      coordinator.guard(makeGuard(log, calls));
    }
    assert.deepEqual(log, ["signal", "signal"]);
  });

  test("two copies of the package: the last one to finish raises the signal", async () => {
    const host = new FakeHost();
    const calls: Call[] = [];
    for (let copy = 0; copy < 2; copy += 1) new SignalCoordinator(host).guard(makeGuard([], calls));
    host.emit("SIGTERM");
    await waitUntil(() => calls.length === 2, { what: "both clean-ups" });
    calls[0]?.finish();
    await waitUntil(() => host.listenerCount("SIGTERM") === 1, { what: "the first to finish" });
    assert.deepEqual(host.raised, []);
    calls[1]?.finish();
    await waitUntil(() => host.raised.length === 1, { what: "the end" });
  });

  test("an emergency that throws doesn't keep the others from theirs", () => {
    const host = new FakeHost();
    const coordinator = new SignalCoordinator(host);
    const log: string[] = [];
    coordinator.guard({
      ...makeGuard([]),
      onEmergency: () => {
        throw new Error("no");
      },
    });
    coordinator.guard(makeGuard(log));
    host.emit("SIGINT");
    host.emit("SIGTERM");
    assert.deepEqual([log, host.raised], [["emergency"], ["SIGTERM"]]);
  });
});

describe("a guard that drains", () => {
  /** What happens, in order; the drain and the clean-up end when the test says so. */
  class DrainingScene {
    readonly host: FakeHost;
    readonly log: string[] = [];
    endDrain: () => void = () => {};
    endCleanUp: () => void = () => {};

    constructor(drainMs: number, platform: NodeJS.Platform = "linux") {
      this.host = new FakeHost(platform);
      new SignalCoordinator(this.host).guard({
        drainMs,
        onDrain: () => {
          this.log.push("drain");
          return new Promise((resolve) => {
            this.endDrain = resolve;
          });
        },
        onSignal: (signal) => {
          this.log.push(`clean up after ${signal}`);
          return new Promise((resolve) => {
            this.endCleanUp = resolve;
          });
        },
        onEmergency: () => void this.log.push("emergency"),
      });
    }

    async until(line: string): Promise<void> {
      await waitUntil(() => this.log.includes(line), { what: line });
    }

    async untilRaised(): Promise<void> {
      await waitUntil(() => this.host.raised.length > 0, { what: "the end" });
    }
  }

  /** Longer than an echo of the same signal. */
  const afterEcho = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 220));

  for (const [platform, signal] of [
    ["linux", "SIGTERM"],
    ["win32", "SIGBREAK"],
  ] as const) {
    test(`cleans up when it has drained, and the process ends by the signal (${platform})`, async () => {
      const scene = new DrainingScene(60_000, platform);
      scene.host.emit(signal);
      await scene.until("drain");
      assert.deepEqual([scene.log, scene.host.raised], [["drain"], []]);
      scene.endDrain();
      await scene.until(`clean up after ${signal}`);
      scene.endCleanUp();
      await scene.untilRaised();
      assert.deepEqual(scene.host.raised, [signal]);
    });
  }

  test("cleans up when drainMs is over", async () => {
    const scene = new DrainingScene(20);
    scene.host.emit("SIGTERM");
    await scene.until("clean up after SIGTERM");
    scene.endCleanUp();
    await scene.untilRaised();
    assert.deepEqual(scene.log, ["drain", "clean up after SIGTERM"]);
  });

  test("cleans up at a second signal, not at its echo, and a third one is an emergency", async () => {
    const scene = new DrainingScene(60_000);
    scene.host.emit("SIGINT");
    await scene.until("drain");
    scene.host.emit("SIGINT");
    await new Promise(setImmediate);
    assert.deepEqual(scene.log, ["drain"]);
    await afterEcho();
    scene.host.emit("SIGINT");
    await scene.until("clean up after SIGINT");
    scene.host.emit("SIGINT");
    await new Promise(setImmediate);
    assert.deepEqual([scene.log.at(-1), scene.host.raised], ["clean up after SIGINT", []], "an echo of the second");
    scene.host.emit("SIGTERM");
    assert.deepEqual([scene.log.at(-1), scene.host.raised], ["emergency", ["SIGTERM"]]);
  });

  test("ends by the second signal, and leaves the end to the user's listener of either", async () => {
    for (const heldSignal of [undefined, "SIGTERM", "SIGINT"] as const) {
      const scene = new DrainingScene(60_000);
      if (heldSignal !== undefined) scene.host.once(heldSignal, () => {});
      scene.host.emit("SIGTERM");
      await scene.until("drain");
      scene.host.emit("SIGINT");
      await scene.until("clean up after SIGINT");
      scene.endCleanUp();
      await waitUntil(() => scene.host.eventNames().length === 0, { what: "the end of the clean-up" });
      assert.deepEqual(scene.host.raised, heldSignal === undefined ? ["SIGINT"] : []);
    }
  });

  test("does not hold up the guards that don't drain", async () => {
    const scene = new DrainingScene(60_000);
    const log: string[] = [];
    new SignalCoordinator(scene.host).guard(makeGuard(log));
    scene.host.emit("SIGTERM");
    await waitUntil(() => log.length === 1, { what: "the other clean-up" });
    assert.deepEqual([scene.log, log], [["drain"], ["signal"]]);
  });
});

describe("exit hooks", () => {
  test("all share one listener, and one that throws doesn't keep the others from running", () => {
    const before = process.listeners("exit");
    const log: string[] = [];
    const removers = [
      onProcessExit(() => {
        throw new Error("first");
      }),
      onProcessExit(() => {
        throw new Error("second");
      }),
      onProcessExit(() => void log.push("ran")),
    ];
    const added = process.listeners("exit").filter((listener) => !before.includes(listener));
    assert.equal(added.length, 1);
    assert.throws(() => (added[0] as () => void)(), /first/);
    assert.deepEqual(log, ["ran"]);
    for (const remove of removers) remove();
    assert.deepEqual(process.listeners("exit"), before);
  });
});
