/** What happens to the stacks of errors on their way. */

import assert from "node:assert/strict";
import { describe } from "node:test";
import { fileURLToPath } from "node:url";
import { it } from "node:test";

import { appendSubmissionStack } from "../../../src/values/thrown.js";
import { decodeThrown } from "../../../src/values/thrown.js";
import { encodeThrown } from "../../../src/values/thrown.js";
import { withoutOwnFrames } from "../../../src/values/errors/stacks.js";

describe("frames of the library", () => {
  const root = new URL("../../../src/", import.meta.url).href;
  const shownRoot = process.sourceMapsEnabled ? fileURLToPath(new URL("../../../../src/", import.meta.url)) : root;
  const own = `    at run (${shownRoot}subprocess/task/run.ts:1:2)`;
  const node = "    at AsyncLocalStorage.run (node:async_hooks:1:2)";
  const turn = "    at process.processTicksAndRejections (node:internal/process/task_queues:1:2)";
  const user = "    at task (file:///app.js:1:2)";

  it("are left out at the end of a stack, with what lies between", () => {
    assert.equal(withoutOwnFrames(["Error: x", user, own, node, own, turn].join("\n")), `Error: x\n${user}`);
    assert.equal(withoutOwnFrames(["Error: x", user, node, turn].join("\n")), `Error: x\n${user}\n${node}`);
  });

  it("stay where the user's code is called by others, or is not there", () => {
    for (const frames of [[own, user], [user, node], [own, node, own], []]) {
      const stack = ["Error: x", ...frames].join("\n");
      assert.equal(withoutOwnFrames(stack), stack);
    }
    const text = "no stack at all\n    at least not one of V8's";
    assert.equal(withoutOwnFrames(text), text);
  });
});

describe("the stack of the submission", () => {
  const submission = "Error\n    at submit (file:///app.js:1:2)\n    at main (file:///app.js:3:4)";

  it("is appended once, and leaves the property hidden", () => {
    const error = new Error("x");
    const before = error.stack ?? "";
    appendSubmissionStack(error, submission);
    appendSubmissionStack(error, submission);
    assert.equal(
      error.stack,
      `${before}\n    — submitted from —\n    at submit (file:///app.js:1:2)\n    at main (file:///app.js:3:4)`,
    );
    assert.deepStrictEqual(Object.keys(error), []);
  });

  it("is appended anew after each way between processes", () => {
    const error = new Error("x");
    appendSubmissionStack(error, submission);
    const arrived = decodeThrown(encodeThrown(error)) as Error;
    appendSubmissionStack(arrived, submission);
    assert.equal(arrived.stack?.split("submitted from").length, 3);
  });

  it("is left out where there is no place for it", () => {
    const frozen = Object.freeze(new Error("x"));
    const before = frozen.stack;
    appendSubmissionStack(frozen, submission);
    assert.equal(frozen.stack, before);
    for (const value of [undefined, null, 0, "text", {}, new Proxy(new Error("x"), { get: () => assert.fail() })]) {
      appendSubmissionStack(value, submission);
    }
    const throwing = new Error("x");
    Object.defineProperty(throwing, "stack", { get: () => assert.fail("read") });
    appendSubmissionStack(throwing, submission);
    const withoutFrames = new Error("x");
    const stack = withoutFrames.stack;
    appendSubmissionStack(withoutFrames, "Error");
    assert.equal(withoutFrames.stack, stack);
  });
});
