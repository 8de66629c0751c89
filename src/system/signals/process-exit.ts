/** One listener of the process's `exit` for all who want to clean up in its last moment. */

import process from "node:process";

const hooks = new Set<{ readonly run: () => void }>();

function runHooks(): void {
  let failed = false;
  let firstError: unknown;
  for (const hook of hooks) {
    try {
      hook.run();
    } catch (error) {
      if (!failed) firstError = error;
      failed = true;
    }
  }
  if (failed) throw firstError;
}

/**
 * Calls `hook` when this process exits, by `process.exit()`, an uncaught error, or because nothing is left to do; not
 * when a signal ends it. In a worker thread: when the thread ends. Nothing asynchronous is done any more then.
 *
 * An error thrown by one hook doesn't keep the others from being called.
 *
 * @returns Takes the hook back.
 */
export function onProcessExit(hook: () => void): () => void {
  const entry = { run: hook };
  if (hooks.size === 0) process.on("exit", runHooks);
  hooks.add(entry);
  return () => {
    hooks.delete(entry);
    if (hooks.size === 0) process.removeListener("exit", runHooks);
  };
}
