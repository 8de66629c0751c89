import { CancelledError } from "../errors.js";
import { MAX_PAYLOAD_BYTES } from "../wire/messages/frame.js";
import { NotSerializableError } from "../errors.js";
import { PROTOCOL_VERSION } from "../wire/messages/protocol.js";
import { ProcessPool } from "../pool/process-pool.js";
import { encodePinned } from "../memory/pins.js";
import { encodeArguments } from "../values/codec.js";
import { encodeValue } from "../values/codec.js";
import { findErrorPrototype } from "../pickle/error-classes.js";
import { findErrorClassesBy } from "../values/errors/class-places.js";
import { mainModuleUrl } from "../pickle/refer/main-module.js";
import { OwnedVariables } from "../pickle/variables/owned-variables.js";
import { addAssignedBy } from "../pickle/pickle-function.js";
import { nativeMemory } from "../memory/native-memory.js";
import { warnOfCopying } from "../memory/native-memory.js";
import { guardSignals } from "../system/signals/signals.js";
import { pickleFunction } from "../pickle/pickle-function.js";
import { makeIntake } from "./take-logs.js";
import { sentWeakCollections } from "../values/classes/weak-collections.js";
import { refuseUnpicklable } from "./submit/uncopied-arguments.js";
import "../logging/foreign-logger.js";
import "../values/process-tasks.js";
import type { Abroad } from "./submit/task-submitter.js";
import type { AnyFunction } from "../values/classes/value-writer.js";
import type { CheckedTaskPoolOptions } from "./options/check-options.js";
import type { PoolConfig } from "../pool/process-pool.js";
import type { TaskPool } from "../pool/task-pool.js";
import type { ValueWriter } from "../values/classes/value-writer.js";
import type { WorkerSettings } from "../wire/messages/protocol.js";

/** Every worker gets the initargs before anything else, so functions in them travel as they are. */
function makeInitargsWriter(owned: OwnedVariables): ValueWriter {
  return {
    weakCollections: sentWeakCollections,
    writeFunction: (fn) => refuseUnpicklable(() => pickleFunction(fn, owned).payload),
    writeClass: (of) => refuseUnpicklable(() => pickleFunction(of, owned).payload),
  };
}

/** The variables that are set in each worker, by what prepares it. */
function findOwned(options: CheckedTaskPoolOptions): OwnedVariables {
  const { configurer, initializer, initargs = [] } = options;
  const owned = new OwnedVariables();
  for (const each of [configurer, initializer, ...initargs]) addAssignedBy(each, owned);
  return owned;
}

/** A pool, and what submissions to it must know. */
export interface BuiltPool<P extends TaskPool = TaskPool> {
  readonly pool: P;
  /** Variables that are the workers' own. */
  readonly owned: OwnedVariables;
  /** Where tasks go to other machines, to which no code goes. */
  readonly abroad?: Abroad | undefined;
}

/**
 * How long a clean-up after a signal may take beyond the grace period, in milliseconds, before everything is killed.
 */
const SIGNAL_MARGIN_MS = 3000;

/** Cancels everything and waits until every process is gone; what a signal does to a pool. */
async function endPool(pool: ProcessPool, signal: NodeJS.Signals): Promise<void> {
  const makeReason = (): Error => new CancelledError(`This process received ${signal}.`, { cause: signal });
  pool.close();
  pool.cancelQueued(makeReason);
  pool.cancelRunning(makeReason);
  await pool.ended();
}

/** Takes no more tasks, and waits until those that were taken have ended and every process is gone. */
async function drainPool(pool: ProcessPool): Promise<void> {
  pool.close();
  await pool.ended();
}

/**
 * Guards the pool against signals while it has processes. Refers to the pool alone, so that the executor can be
 * collected.
 */
function makeActivityHandler(
  { handleSignals, drainMs, graceMs }: CheckedTaskPoolOptions,
  findPool: () => ProcessPool,
): (isActive: boolean) => void {
  let release: (() => void) | undefined;
  return (isActive) => {
    release?.();
    release = undefined;
    if (!isActive || handleSignals === false) return;
    const pool = findPool();
    release = guardSignals({
      limitMs: graceMs + SIGNAL_MARGIN_MS,
      ...(handleSignals === "drain" ? { drainMs, onDrain: () => drainPool(pool) } : {}),
      onSignal: (signal) => endPool(pool, signal),
      onEmergency: () => pool.killAllSync(),
    });
  };
}

/**
 * Makes the pool behind an executor. No process is started yet.
 *
 * @param takeLog - Takes the records of all workers in place of `queue`.
 * @param isForStrangers - Whether arguments come from other machines: no code is taken from them.
 * @throws FunctionNotPicklableError when the initializer or the configurer can't be sent to a worker.
 * @throws NotSerializableError when an argument of the initializer can't.
 */
export function buildPool(
  options: CheckedTaskPoolOptions,
  takeLog: PoolConfig["onLog"] | undefined = options.queue && makeIntake(options.queue),
  isForStrangers?: true,
): BuiltPool<ProcessPool> {
  findErrorClassesBy((wanted, functions) => findErrorPrototype(wanted, functions));
  // Held as long as the pool is: every worker that it starts needs the shared memory that these refer to.
  const owned = findOwned(options);
  const pickle = (fn: AnyFunction | undefined): Uint8Array | undefined => fn && pickleFunction(fn, owned).payload;
  const initargs = encodePinned(() =>
    options.initargs === undefined
      ? undefined
      : encodeArguments(options.initargs, { isNested: true, writer: makeInitargsWriter(owned) }),
  );
  const configurer = encodePinned(() => pickle(options.configurer));
  const initializer = encodePinned(() => pickle(options.initializer));
  const canShare = options.shareAboveBytes !== undefined && nativeMemory() !== undefined;
  if (options.shareAboveBytes !== undefined && !canShare) warnOfCopying();
  const settings: WorkerSettings = {
    protocolVersion: PROTOCOL_VERSION,
    mainUrl: mainModuleUrl(),
    graceMs: options.graceMs,
    hasLogQueue: takeLog !== undefined,
    shareAboveBytes: canShare ? options.shareAboveBytes : undefined,
    configurer: configurer.encoded,
    initializer: initializer.encoded,
    initargs: initargs.encoded,
    isForStrangers,
  };
  const encoded = encodeValue(settings, "settings");
  if (encoded.byteLength > MAX_PAYLOAD_BYTES) {
    throw new NotSerializableError(
      "initargs",
      `with the initializer they take ${encoded.byteLength} bytes, and a message has at most ${MAX_PAYLOAD_BYTES}`,
    );
  }
  const pool: ProcessPool = new ProcessPool({
    maxWorkers: options.maxWorkers,
    maxQueue: options.maxQueue,
    idleTimeoutMs: options.idleTimeoutMs,
    minWorkers: options.minWorkers,
    maxMemoryBytes: options.maxMemoryBytes,
    worker: {
      start: { execArgv: options.execArgv, env: options.env, cwd: options.cwd },
      settings: encoded,
      settingsPins: [initargs.pins, configurer.pins, initializer.pins].filter((pins) => pins !== undefined),
      functions: [options.initializer, options.configurer].filter((each) => each !== undefined),
      graceMs: options.graceMs,
      startTimeoutMs: options.startTimeoutMs,
      maxTasks: options.maxTasksPerChild,
    },
    onLog: (record, functions, task) => takeLog?.(record, functions, task),
    onActivity: makeActivityHandler(options, () => pool),
  });
  return { pool, owned };
}
