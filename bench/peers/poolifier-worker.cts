/**
 * The worker file of poolifier, for its threads and its processes.
 *
 * CommonJS, because the first message to a cluster's worker comes before an ES module has been loaded, and is lost
 * then: the pool waits for ever.
 */

type WorkerClass = new (run: (task: never) => unknown) => unknown;

// Reason: an ES module does not do here; see above.
/* oxlint-disable typescript/no-require-imports */
const { isMainThread } = require("node:worker_threads") as { isMainThread: boolean };
const { requirePeer } = require("./import-peer.js") as { requirePeer: (name: string) => unknown };
const { runTask } = require("./job-worker.js") as { runTask: (task: never) => unknown };
/* oxlint-enable typescript/no-require-imports */

const poolifier = requirePeer("poolifier") as { ClusterWorker: WorkerClass; ThreadWorker: WorkerClass };
const WorkerOfKind = isMainThread ? poolifier.ClusterWorker : poolifier.ThreadWorker;
/** It lives by its own message handler. */
module.exports = new WorkerOfKind(runTask);
