/** ProcessTask: identity, signals, and the way through plain data. */

import assert from "node:assert/strict";
import { describe } from "node:test";
import { inspect } from "node:util";
import { runInNewContext } from "node:vm";
import { setFlagsFromString } from "node:v8";
import { spawn } from "node:child_process";
import { test } from "node:test";

import { InvalidOptionError } from "../../../src/errors.js";
import { ProcessTask } from "../../../src/system/process/process-task.js";
import { ProtocolError } from "../../../src/errors.js";
import { startFixture } from "../../testlibraries/process-family.js";
import { startTimeOf } from "../../../src/system/process/process-task.js";
import { waitUntil } from "../../testlibraries/wait-until.js";

const isLinux = process.platform === "linux";

describe("the identity of a ProcessTask", () => {
  test("the same process is the same object, so it is a key of Map, Set and WeakSet", () => {
    const task = ProcessTask.for(process.pid);
    assert.equal(ProcessTask.for(process.pid), task);
    assert.equal(ProcessTask.for(process.pid, task.startTime), task);
    assert.ok(new WeakSet([task]).has(ProcessTask.for(process.pid)));
    assert.equal(new Map([[task, 1]]).get(ProcessTask.for(process.pid)), 1);
    assert.notEqual(ProcessTask.for(process.ppid), task);
  });

  test("another start time is another process", { skip: !isLinux }, () => {
    const task = ProcessTask.for(process.pid);
    const earlier = ProcessTask.for(process.pid, 1);
    assert.notEqual(earlier, task);
    assert.equal(earlier.isAlive(), false);
    assert.equal(ProcessTask.for(process.pid, 1), earlier);
    assert.equal(ProcessTask.for(process.pid), task);
  });

  test("it comes back from plain data as the same object", () => {
    const task = ProcessTask.for(process.pid);
    assert.equal(ProcessTask.fromPlain(structuredClone(task.toPlain())), task);
    assert.equal(ProcessTask.fromPlain(JSON.parse(JSON.stringify(task))), task);
    for (const nonsense of [undefined, null, 7, {}, { id: 0 }, { id: 1.5 }, { id: "1" }, { id: 1, startTime: "x" }]) {
      assert.throws(() => ProcessTask.fromPlain(nonsense), ProtocolError);
    }
  });

  test("it is made by for() only, can't be changed, and shows its id", () => {
    const Constructor = ProcessTask as unknown as new (...args: unknown[]) => ProcessTask;
    assert.throws(() => new Constructor(Symbol("other"), 1, 1), TypeError);
    for (const id of [0, -1, 1.5, Number.NaN]) assert.throws(() => ProcessTask.for(id), InvalidOptionError);
    const task = ProcessTask.for(process.pid);
    assert.throws(() => Object.assign(task, { id: 1 }), TypeError);
    assert.equal(inspect(task), `ProcessTask { id: ${process.pid} }`);
    assert.deepEqual(task.toJSON(), { id: process.pid, startTime: task.startTime });
  });

  test("one that is dropped is collected, and the next one is as good", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    let dropped: WeakRef<ProcessTask>;
    (() => {
      dropped = new WeakRef(ProcessTask.for(process.pid, 2));
    })();
    await waitUntil(() => (collect(), dropped.deref() === undefined), { what: "the collection of a ProcessTask" });
    const next = ProcessTask.for(process.pid, 2);
    // The registry's clean-up of the first one must not take the second one with it.
    await waitUntil(() => (collect(), true), { what: "a collection" });
    assert.equal(ProcessTask.for(process.pid, 2), next);
  });
});

describe("signals to a ProcessTask", { skip: !isLinux }, () => {
  test("the process gets the signal; later ones are told that it is gone", async () => {
    await using program = startFixture("idles");
    await program.waitForLine(/^pid/);
    const task = ProcessTask.for(program.pid);
    assert.equal(task.isAlive(), true);
    assert.equal(task.sendSignal(0), true);
    assert.equal(task.sendSignal(), true);
    assert.equal((await program.waitForEnd()).signal, "SIGTERM");
    assert.equal(task.isAlive(), false);
    assert.equal(task.sendSignal("SIGKILL"), false);
    assert.equal(ProcessTask.for(program.pid), task, "a process that has just ended is still the one that is known");
  });

  test("a process that was given the pid of another one is never signalled", async () => {
    await using program = startFixture("idles");
    await program.waitForLine(/^pid/);
    const former = ProcessTask.for(program.pid, (startTimeOf(program.pid) ?? 0) - 1);
    assert.equal(former.sendSignal("SIGKILL"), false);
    assert.equal(former.isAlive(), false);
    assert.equal(ProcessTask.for(program.pid).isAlive(), true);
  });

  test("one that was gone from the start never stands for a later process", async () => {
    await using program = startFixture("idles");
    await program.waitForLine(/^pid/);
    const gone = ProcessTask.fromPlain({ id: program.pid });
    assert.equal(gone.startTime, undefined);
    assert.equal(gone.sendSignal("SIGKILL"), false);
    assert.equal(gone.isAlive(), false);
    assert.notEqual(ProcessTask.for(program.pid), gone);
  });

  test("a zombie counts as gone", async () => {
    // The shell starts a child, becomes a program that never waits for it, and so leaves a zombie.
    const child = spawn("sh", ["-c", "sleep 0.05 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"] });
    try {
      const pid = Number(await new Promise((resolve) => child.stdout.once("data", resolve)));
      const task = ProcessTask.for(pid);
      await waitUntil(() => !task.isAlive(), { what: "the zombie" });
      assert.equal(startTimeOf(pid), task.startTime, "it is still listed");
      assert.equal(task.sendSignal("SIGKILL"), false);
    } finally {
      child.kill("SIGKILL");
    }
  });

  test("a signal that doesn't exist is an error", () => {
    assert.throws(() => ProcessTask.for(process.pid).sendSignal("SIGNONSENSE" as NodeJS.Signals), {
      code: "ERR_UNKNOWN_SIGNAL",
    });
  });
});
