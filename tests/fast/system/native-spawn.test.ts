/** The parts of the native way to start a process, with an operating system that does as it is told. */

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { ChildReaper } from "../../../src/system/start/child-reaper.js";
import { bindNativeSpawn } from "../../../src/system/start/native-spawn.js";
import { decodeStatus } from "../../../src/system/start/native-spawn.js";
import { waitUntil } from "../../testlibraries/wait-until.js";
import type { ExitStatus } from "../../../src/system/start/native-spawn.js";
import type { ForeignFunctions } from "../../../src/system/foreign-functions.js";
import type { NativeSpawn } from "../../../src/system/start/native-spawn.js";

type Call = readonly [name: string, ...args: readonly unknown[]];

/** A C library whose functions do nothing, give 0 unless told otherwise, and whose calls are kept. */
function fakeLibrary(answers: Record<string, (...args: readonly unknown[]) => unknown> = {}): {
  calls: Call[];
  foreign: ForeignFunctions;
} {
  const calls: Call[] = [];
  const func = (declaration: string): ((...args: readonly unknown[]) => unknown) => {
    const name = /(\w+)\(/.exec(declaration)?.[1] ?? "";
    return (...args) => {
      calls.push([name, ...args]);
      return answers[name]?.(...args) ?? 0;
    };
  };
  return {
    calls,
    foreign: { load: () => ({ func }), errno: () => 24, os: { errno: { EMFILE: 24, EAGAIN: 11, EINVAL: 22 } } },
  };
}

function bind(answers: Record<string, (...args: readonly unknown[]) => unknown> = {}): {
  calls: Call[];
  native: NativeSpawn;
} {
  const { calls, foreign } = fakeLibrary(answers);
  return {
    calls,
    native: bindNativeSpawn({ platform: "linux", arch: "x64", loadForeignFunctions: () => foreign }),
  };
}

const REQUEST = {
  file: "/bin/x",
  argv: ["x", "y"],
  env: ["A=b"],
  cwd: "/folder",
  descriptors: [undefined, 11, undefined, 12],
};

describe("the native way to start a process", () => {
  test("is bound on Linux with the GNU C library only", () => {
    const { foreign } = fakeLibrary();
    const load = (): ForeignFunctions => foreign;
    assert.throws(
      () => bindNativeSpawn({ platform: "darwin", arch: "x64", loadForeignFunctions: load }),
      /for darwin/,
    );
    assert.throws(() => bindNativeSpawn({ platform: "linux", arch: "arm", loadForeignFunctions: load }), /type arm/);
    const musl: ForeignFunctions = {
      ...foreign,
      load: () => ({
        func: (declaration) => {
          if (declaration.includes("gnu_get_libc_version")) throw new Error("Cannot find function");
          return () => 0;
        },
      }),
    };
    assert.throws(
      () => bindNativeSpawn({ platform: "linux", arch: "x64", loadForeignFunctions: () => musl }),
      /Cannot find function/,
    );
    assert.throws(() => bind({ posix_spawnattr_setflags: () => 22 }), { message: "posix_spawnattr_setflags EINVAL" });
  });

  test("gives each descriptor its number, changes the folder, and frees the list of actions", () => {
    const { calls, native } = bind({
      posix_spawn: (pid) => {
        (pid as Int32Array)[0] = 4321;
        return 0;
      },
    });
    calls.length = 0;
    assert.equal(native.spawn(REQUEST), 4321);
    const [O_RDONLY, O_RDWR] = [0, 2];
    assert.deepEqual(
      calls.map(([name, , ...rest]) => [name.replace("posix_spawn_file_actions_", ""), ...rest.slice(0, 3)]),
      [
        ["init"],
        ["addopen", 0, "/dev/null", O_RDONLY],
        ["adddup2", 11, 1],
        ["addopen", 2, "/dev/null", O_RDWR],
        ["adddup2", 12, 3],
        ["addchdir_np", "/folder"],
        ["posix_spawn", "/bin/x", calls[0]?.[1], calls.at(-2)?.[4]],
        ["destroy"],
      ],
    );
    assert.deepEqual(calls.at(-2)?.slice(5), [
      ["x", "y", null],
      ["A=b", null],
    ]);
  });

  test("names the errors", () => {
    const failing = bind({ posix_spawn: () => 11, socketpair: () => -1, fcntl: () => -1 });
    assert.throws(() => failing.native.spawn(REQUEST), { message: "spawn /bin/x EAGAIN" });
    assert.equal(failing.calls.at(-1)?.[0], "posix_spawn_file_actions_destroy");
    assert.throws(() => failing.native.socketPair(), { message: "socketpair EMFILE" });
    assert.throws(() => failing.native.duplicate(3, 7), { message: "fcntl EMFILE" });
  });

  test("tells how a process ended, also when somebody else has been told before", () => {
    let answer = 0;
    const { native } = bind({
      waitpid: (_pid, status) => {
        (status as Int32Array)[0] = 7 << 8;
        return answer;
      },
    });
    assert.equal(native.collect(5), undefined);
    answer = 5;
    assert.deepEqual(native.collect(5), { exitCode: 7, signal: null });
    answer = -1;
    assert.deepEqual(native.collect(5), { exitCode: null, signal: null });
  });
});

test("the status of waitpid is read as child_process reads it", () => {
  const CORE_DUMPED = 0x80;
  assert.deepEqual(decodeStatus(0), { exitCode: 0, signal: null });
  assert.deepEqual(decodeStatus(255 << 8), { exitCode: 255, signal: null });
  assert.deepEqual(decodeStatus(9), { exitCode: null, signal: "SIGKILL" });
  assert.deepEqual(decodeStatus(6 | CORE_DUMPED), { exitCode: null, signal: "SIGABRT" });
  // A real-time signal has no name in Node.
  assert.deepEqual(decodeStatus(40), { exitCode: 168, signal: null });
});

describe("the reaper", () => {
  const signals = new EventEmitter() as EventEmitter & { on(event: "SIGCHLD", listener: () => void): unknown };
  const ended = new Map<number, ExitStatus>();
  const reaper = new ChildReaper(signals, (pid) => ended.get(pid));
  const exits: [number, number | null][] = [];
  after(() => assert.equal(signals.listenerCount("SIGCHLD"), 0));

  function watch(pid: number): void {
    reaper.watch(
      () => {
        assert.equal(signals.listenerCount("SIGCHLD"), 1, "it listens before the process is there");
        return pid;
      },
      ({ exitCode }) => exits.push([pid, exitCode]),
    );
  }

  test("listens while there are processes, and tells each end once", () => {
    exits.length = 0;
    assert.equal(signals.listenerCount("SIGCHLD"), 0);
    for (const pid of [1, 2, 3]) watch(pid);
    assert.equal(signals.listenerCount("SIGCHLD"), 1);
    signals.emit("SIGCHLD");
    assert.deepEqual(exits, []);
    // Signals that come together are one.
    ended.set(1, { exitCode: 10, signal: null }).set(3, { exitCode: 30, signal: null });
    signals.emit("SIGCHLD");
    signals.emit("SIGCHLD");
    assert.deepEqual(exits, [
      [1, 10],
      [3, 30],
    ]);
    ended.set(2, { exitCode: 20, signal: null });
    signals.emit("SIGCHLD");
    assert.deepEqual(exits.at(-1), [2, 20]);
    assert.equal(signals.listenerCount("SIGCHLD"), 0);
  });

  test("does not listen after a start that failed", () => {
    const fail = (): never => {
      throw new Error("EAGAIN");
    };
    assert.throws(() => reaper.watch(fail, () => {}), /EAGAIN/);
    assert.equal(signals.listenerCount("SIGCHLD"), 0);
  });

  test("asks by itself when the signal is lost", async () => {
    exits.length = 0;
    watch(7);
    reaper.expectEnd(7);
    reaper.expectEnd(8);
    ended.set(7, { exitCode: 70, signal: null });
    await waitUntil(() => exits.length > 0, { what: "the end of 7" });
    assert.deepEqual(exits, [[7, 70]]);
  });
});
