/** How a worker's Node process is started. */
export interface StartOptions {
  /** Flags of Node for the worker; by default those of this process that are not about its script or a debugger. */
  readonly execArgv: readonly string[] | undefined;
  /** The worker's environment; by default this process's. */
  readonly env: NodeJS.ProcessEnv | undefined;
  /** The worker's working directory; by default this process's. */
  readonly cwd: string | undefined;
}

/**
 * Flags that belong to one script or one debugger: a port can't be shared, code given on the command line would run
 * again, and a test runner or a watcher must not start in every worker. `true`: a value follows as the next argument.
 */
const DROPPED_FLAGS: ReadonlyMap<string, boolean> = new Map([
  ["--inspect", false],
  ["--inspect-brk", false],
  ["--inspect-wait", false],
  ["--inspect-port", true],
  ["--debug-port", true],
  ["--inspect-publish-uid", true],
  ["-e", true],
  ["--eval", true],
  ["-p", true],
  ["-pe", true],
  ["--print", true],
  ["-i", false],
  ["--interactive", false],
  ["-c", false],
  ["--check", false],
  ["--input-type", true],
  ["--watch-path", true],
  ["--build-snapshot", false],
  ["--run", true],
]);

function isRunnerFlag(flag: string): boolean {
  return /^--(?:experimental-)?(?:test|watch)(?:$|-)/.test(flag);
}

/**
 * The flags of a process that its workers are to have as well: loaders, conditions, source maps, memory limits.
 *
 * @param hasSourceMaps - Whether the process has source maps, which its program may have turned on without the flag.
 */
export function inheritableExecArgv(execArgv: readonly string[], hasSourceMaps = false): string[] {
  const kept: string[] = [];
  for (let i = 0; i < execArgv.length; i += 1) {
    const argument = execArgv[i] ?? "";
    const [flag = ""] = argument.split("=", 1);
    const hasSeparateValue = DROPPED_FLAGS.get(flag);
    if (hasSeparateValue !== undefined) {
      if (hasSeparateValue && !argument.includes("=")) i += 1;
    } else if (!isRunnerFlag(flag)) {
      kept.push(argument);
    }
  }
  if (hasSourceMaps && !kept.includes("--enable-source-maps")) kept.push("--enable-source-maps");
  return kept;
}

/** Flags of a debugger; its port can't be shared. */
const DEBUGGER_FLAG = /^"?--(?:inspect(?:-[a-z-]+)?|debug-port)(?:=|"?$)/;

/** Words of `NODE_OPTIONS`: separated by spaces, unless these are in double quotes. */
const WORD = /(?:[^\s"]|"(?:\\.|[^"\\])*")+/g;

/** `NODE_OPTIONS` for a worker: as it is, without what would open the parent's debugging port a second time. */
export function inheritableNodeOptions(nodeOptions: string): string {
  const words = nodeOptions.match(WORD) ?? [];
  if (!words.some((word) => DEBUGGER_FLAG.test(word))) return nodeOptions;
  return words
    .filter((word, index) => {
      const isValue = /^--(?:inspect-port|debug-port|inspect-publish-uid)$/.test(words[index - 1] ?? "");
      return !isValue && !DEBUGGER_FLAG.test(word);
    })
    .join(" ");
}
