/** The public face of asynccpu. */

export { AsyncCpuError } from "./errors.js";
export { CancelledError } from "./errors.js";
export { ExecutorShutdownError } from "./errors.js";
export { FunctionNotPicklableError } from "./errors.js";
export { ImportTimeUseError } from "./errors.js";
export { InitializerError } from "./errors.js";
export { InvalidOptionError } from "./errors.js";
export { ModuleNotFoundError } from "./errors.js";
export { NestingTooDeepError } from "./errors.js";
export { NotAFunctionError } from "./errors.js";
export { NotSerializableError } from "./errors.js";
export { PromisePassedError } from "./errors.js";
export { ProtocolError } from "./errors.js";
export { QueueFullError } from "./errors.js";
export { QueueTimeoutError } from "./errors.js";
export { SharedMemoryError } from "./errors.js";
export { TaskTimeoutError } from "./errors.js";
export { WorkerCrashedError } from "./errors.js";
export { WorkerMemoryLimitError } from "./errors.js";
export { WorkerStartError } from "./errors.js";
export type { CrashCause } from "./errors.js";
export type { MemoryExcess } from "./errors.js";
export type { PickleProblem } from "./errors.js";
export type { WorkerCrash } from "./errors.js";

export { ProcessFuture } from "./executor/outcome/process-future.js";
export type { TaskProgress } from "./executor/outcome/task-progress.js";
export { ProcessPoolExecutor } from "./executor/process-pool-executor.js";
export { ProcessTaskPoolExecutor } from "./executor/process-task-pool-executor.js";
export type { AnyIterable } from "./executor/options/map-types.js";
export type { ContinueOptions } from "./executor/options/options.js";
export type { ContinueSubmitView } from "./executor/process-pool-executor.js";
export type { ContinueTaskView } from "./executor/process-task-pool-executor.js";
export type { IterablesOf } from "./executor/options/map-types.js";
export type { MapOutcome } from "./executor/options/map-types.js";
export type { MappedItem } from "./executor/options/map-types.js";
export type { MemoryLimitOptions } from "./executor/options/options.js";
export type { ProcessPoolExecutorOptions } from "./executor/options/options.js";
export type { ProcessTaskPoolExecutorOptions } from "./executor/options/options.js";
export type { ProgressDetails } from "./executor/options/options.js";
export type { ProgressHandler } from "./executor/options/options.js";
export type { RetryOn } from "./executor/options/options.js";
export type { RetryOptions } from "./executor/options/options.js";
export type { ShutdownOptions } from "./executor/options/options.js";
export type { SubmitView } from "./executor/process-pool-executor.js";
export type { TaskOptions } from "./executor/options/options.js";
export type { TaskView } from "./executor/process-task-pool-executor.js";
export type { WorkerFunction } from "./executor/options/options.js";
export type { ExecutorStats } from "./pool/pool-stats.js";
export type { WorkerStats } from "./pool/pool-stats.js";

export { createSharedArray } from "./memory/shared-array.js";
export { disposeSharedArray } from "./memory/shared-array.js";
export { sharedMemoryOf } from "./memory/shared-array.js";
export type { SharedArray } from "./memory/shared-array.js";
export type { SharedMemory } from "./memory/shared-array.js";
export type { TypedArrayClass } from "./memory/shared-array.js";

export { moduleTask } from "./pickle/refer/module-task.js";

export { ProcessTask } from "./system/process/process-task.js";
export type { PlainProcessTask } from "./system/process/process-task.js";
export { terminateDescendantProcesses } from "./system/tree/terminator.js";
export type { TerminateOptions } from "./system/tree/terminator.js";
export { isWorker } from "./system/worker-state.js";
export { usableCpuCount } from "./system/cpu-count.js";

export { currentTask } from "./subprocess/task/current-task.js";
export type { CurrentTask } from "./subprocess/task/current-task.js";

export { LOG_LEVELS } from "./logging/log-record.js";
export { LogQueue } from "./logging/log-queue.js";
export { QueueListener } from "./logging/queue-listener.js";
export { createConsoleHandler } from "./logging/console-handler.js";
export { createPinoDestination } from "./logging/pino-destination.js";
export { createPinoHandler } from "./logging/pino-handler.js";
export { formatLogRecord } from "./logging/console-handler.js";
export { getLogger } from "./logging/task-logger.js";
export { log } from "./logging/task-logger.js";
export type { ConsoleHandlerOptions } from "./logging/console-handler.js";
export type { LineTarget } from "./logging/console-handler.js";
export type { LogFields } from "./logging/task-logger.js";
export type { LogHandler } from "./logging/log-handler.js";
export type { LogHandlerObject } from "./logging/log-handler.js";
export type { LogLevel } from "./logging/log-record.js";
export type { LogMethod } from "./logging/task-logger.js";
export type { LogQueueOptions } from "./logging/log-queue.js";
export type { LogRecord } from "./logging/log-record.js";
export type { PinoDestination } from "./logging/pino-destination.js";
export type { PinoDestinationOptions } from "./logging/pino-destination.js";
export type { PinoHandlerOptions } from "./logging/pino-handler.js";
export type { PinoLike } from "./logging/pino-handler.js";
export type { TaskLogger } from "./logging/task-logger.js";

export { registerErrorClass } from "./values/thrown.js";
export type { ErrorClass } from "./values/thrown.js";

export { decodeInstance } from "./values/classes/class-registry.js";
export { encodeInstance } from "./values/classes/class-registry.js";
export { registerClass } from "./pickle/register-class.js";
export type { InstanceHooks } from "./values/classes/class-registry.js";
export type { RegisterClassOptions } from "./pickle/register-class.js";
