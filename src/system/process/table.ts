/**
 * The processes of the machine: from /proc on Linux, from `ps` on other Unix systems, from CIM on Windows.
 *
 * Only Linux is run and measured. The others follow the manual pages and are tested with a fake platform.
 */

import type { CommandResult } from "../platform.js";
import type { Platform } from "../platform.js";
import type { ProcessEntry } from "./entry.js";
import { parseProcStat } from "./stat.js";

/** A list of processes, read one after the other while they go on living. */
export interface ProcessTable {
  readonly entries: ReadonlyMap<number, ProcessEntry>;
  /** Whether a process vanished while the list was read: a child that it started meanwhile may be missing. */
  readonly hasGaps: boolean;
}

/** Whether this platform tells of its processes in /proc. */
export function readsProc(platform: Platform): boolean {
  return platform.name === "linux" || platform.name === "android";
}

/**
 * Reads /proc, and yields after each process, so that the caller may let others have their turn.
 *
 * @returns `undefined` when /proc isn't mounted.
 */
export function* scanProc(platform: Platform): Generator<void, ProcessTable | undefined, void> {
  const entries = new Map<number, ProcessEntry>();
  let hasGaps = false;
  let names: readonly string[];
  try {
    names = platform.listDirectory("/proc");
  } catch {
    return undefined;
  }
  for (const name of names) {
    const firstCharacter = name.charCodeAt(0);
    if (firstCharacter < 48 || firstCharacter > 57) continue;
    try {
      const entry = parseProcStat(platform.readText(`/proc/${name}/stat`));
      if (entry !== undefined) entries.set(entry.pid, entry);
    } catch {
      hasGaps = true;
    }
    yield;
  }
  return entries.has(platform.pid) ? { entries, hasGaps } : undefined;
}

/** Parses a start time as `ps -o lstart=` prints it with `LC_ALL=C TZ=UTC`: `Tue Nov 24 02:20:45 2026`. */
export function parsePsStart(text: string): number | undefined {
  const startTimeMs = Date.parse(`${text} UTC`);
  return Number.isNaN(startTimeMs) ? undefined : startTimeMs;
}

function parsePs(stdout: string): ProcessEntry[] {
  const entries: ProcessEntry[] = [];
  for (const line of stdout.split("\n")) {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.+?)\s*$/.exec(line);
    if (match === null) continue;
    const [, pid, parentPid, groupId, state, start] = match as unknown as [
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    entries.push({
      pid: Number(pid),
      parentPid: Number(parentPid),
      groupId: Number(groupId),
      // macOS prints the address of a kernel structure for it.
      sessionId: undefined,
      startTime: parsePsStart(start),
      isAlive: !state.startsWith("Z"),
    });
  }
  return entries;
}

function parseCim(stdout: string): ProcessEntry[] {
  const entries: ProcessEntry[] = [];
  for (const line of stdout.split("\n")) {
    const [pid, parentPid, startTime] = line.trim().split(" ");
    if (!/^\d+$/.test(pid ?? "") || !/^\d+$/.test(parentPid ?? "")) continue;
    entries.push({
      pid: Number(pid),
      parentPid: Number(parentPid),
      groupId: undefined,
      sessionId: undefined,
      startTime: startTime === undefined || startTime === "" ? undefined : Number(startTime),
      isAlive: true,
    });
  }
  return entries;
}

/** The command that lists all processes where there is no /proc, and how to read what it prints. */
interface Lister {
  readonly command: string;
  readonly args: readonly string[];
  parse(stdout: string): ProcessEntry[];
}

const PS_LISTER: Lister = {
  command: "ps",
  args: ["-axo", "pid=,ppid=,pgid=,stat=,lstart="],
  parse: parsePs,
};

const CIM_LISTER: Lister = {
  // Not wmic, which Windows no longer ships.
  command: "powershell.exe",
  args: [
    "-NoProfile",
    "-NonInteractive",
    "-Command",
    "Get-CimInstance Win32_Process | ForEach-Object { " +
      '$start = if ($_.CreationDate) { $_.CreationDate.ToFileTimeUtc() } else { "" }; ' +
      '"$($_.ProcessId) $($_.ParentProcessId) $start" }',
  ],
  parse: parseCim,
};

function toTable(lister: Lister, { stdout, pid: listerPid }: CommandResult): ProcessTable | undefined {
  const entries = new Map<number, ProcessEntry>();
  for (const entry of lister.parse(stdout)) {
    // The command that lists is a child of this process, and gone by now.
    if (entry.pid !== listerPid) entries.set(entry.pid, entry);
  }
  return entries.size === 0 ? undefined : { entries, hasGaps: false };
}

function listerFor(platform: Platform): Lister {
  return platform.name === "win32" ? CIM_LISTER : PS_LISTER;
}

/** Lists the processes by a command; `undefined` when it fails. */
export async function listByCommand(platform: Platform): Promise<ProcessTable | undefined> {
  const lister = listerFor(platform);
  try {
    return toTable(lister, await platform.run(lister.command, lister.args));
  } catch {
    return undefined;
  }
}

/** As `listByCommand`, blocking. */
export function listByCommandSync(platform: Platform): ProcessTable | undefined {
  const lister = listerFor(platform);
  try {
    return toTable(lister, platform.runSync(lister.command, lister.args));
  } catch {
    return undefined;
  }
}
