/** A made-up operating system, for the paths of src/system that can't be run on this machine. */

import type { CommandResult } from "../../src/system/platform.js";
import type { Platform } from "../../src/system/platform.js";

/** One process of the made-up system. */
export interface FakeProcess {
  readonly pid: number;
  readonly parentPid: number;
  readonly groupId?: number;
  readonly sessionId?: number;
  readonly startTime?: number;
  readonly name?: string;
  readonly state?: string;
  readonly threadCount?: number;
  readonly cpuTicks?: number;
  /** Text of its file `status`. */
  readonly status?: string;
  readonly environ?: string;
  /** The kernel has not set up its environment yet; `environ` is empty meanwhile. */
  readonly isInExec?: boolean;
  /** It has given back its memory: its environment can't be read any more. */
  readonly isEnding?: boolean;
  /** Environment as a second thread shows it; the first one has ended. */
  readonly threadEnviron?: string;
  /** Belongs to another user: may neither be signalled nor asked for its environment. */
  readonly isForeign?: boolean;
  /** Doesn't end when it is killed. */
  readonly isImmortal?: boolean;
}

/** Its id is made up, too; real ones are numbers that no process has. */
const SECOND_THREAD = "99999";

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

function hasEnvironment({ isInExec, isEnding, threadEnviron }: FakeProcess): boolean {
  return isInExec !== true && isEnding !== true && threadEnviron === undefined;
}

function toStat(fake: FakeProcess): string {
  const { pid, parentPid, groupId = pid, sessionId = pid, startTime = pid, name = "node", state = "S" } = fake;
  const unused = (count: number): string => Array.from({ length: count }, () => "0").join(" ");
  return (
    `${pid} (${name}) ${state} ${parentPid} ${groupId} ${sessionId} ${unused(7)} ${fake.cpuTicks ?? 0} ${unused(5)} ` +
    `${fake.threadCount ?? 1} 0 ${startTime} ${unused(28)} ${hasEnvironment(fake) ? 4096 : 0} 0\n`
  );
}

/** Keeps a list of processes, ends those that are killed, and records signals and commands. */
export class FakePlatform implements Platform {
  readonly name: NodeJS.Platform;
  readonly pid: number;
  readonly processes = new Map<number, FakeProcess>();
  /** Signals sent, as `SIGNAL PID`. */
  readonly signals: string[] = [];
  /** Commands run, as one line each. */
  readonly commands: string[] = [];
  /** What a command prints; a missing one can't be started. */
  readonly outputs = new Map<string, () => string>();
  /** Called before each reading of the list of processes. */
  onList: () => void = () => {};
  hasProc = true;

  constructor(name: NodeJS.Platform, pid: number, processes: readonly FakeProcess[]) {
    this.name = name;
    this.pid = pid;
    for (const each of processes) this.processes.set(each.pid, each);
  }

  kill(pid: number, signal: NodeJS.Signals | number): void {
    const targets = [...this.processes.values()].filter((each) =>
      pid > 0 ? each.pid === pid : (each.groupId ?? each.pid) === -pid,
    );
    if (signal !== 0) this.signals.push(`${signal} ${pid}`);
    if (targets.length === 0) throw systemError("ESRCH");
    if (targets.every(({ isForeign }) => isForeign === true)) throw systemError("EPERM");
    if (signal === "SIGKILL") {
      for (const { pid: each, isForeign, isImmortal } of targets) {
        if (isForeign !== true && isImmortal !== true) this.processes.delete(each);
      }
    }
  }

  readText(path: string): string {
    const [, pid, thread, file] = /^\/proc\/(\d+)\/(task\/\d+\/)?(stat|status|environ)$/.exec(path) ?? [];
    const fake = this.hasProc ? this.processes.get(Number(pid)) : undefined;
    if (fake === undefined) throw systemError("ENOENT");
    if (file === "stat") return toStat(fake);
    if (file === "status") return fake.status ?? `Name:\t${fake.name ?? "node"}\n`;
    if (fake.isForeign === true) throw systemError("EACCES");
    if (thread === `task/${SECOND_THREAD}/` && fake.threadEnviron !== undefined) return fake.threadEnviron;
    if (fake.isEnding === true || fake.threadEnviron !== undefined) throw systemError("ESRCH");
    return fake.environ ?? "PATH=/bin\0";
  }

  listDirectory(path: string): readonly string[] {
    const fake = this.processes.get(Number(/^\/proc\/(\d+)\/task$/.exec(path)?.[1]));
    if (fake !== undefined) return [String(fake.pid), ...(fake.threadEnviron === undefined ? [] : [SECOND_THREAD])];
    this.onList();
    if (!this.hasProc || path !== "/proc") throw systemError("ENOENT");
    return ["acpi", ...[...this.processes.keys()].map(String), "self"];
  }

  async run(command: string, args: readonly string[]): Promise<CommandResult> {
    return this.runSync(command, args);
  }

  runSync(command: string, args: readonly string[]): CommandResult {
    this.commands.push([command, ...args].join(" "));
    const output = this.outputs.get(command);
    if (output === undefined) throw systemError("ENOENT");
    return { stdout: output(), pid: 9999 };
  }
}
