import { EventEmitter } from "node:events";
import { Socket } from "node:net";
import { closeSync } from "node:fs";

import type { ChildReaper } from "./child-reaper.js";
import type { NativeSpawn } from "./native-spawn.js";
import type { NativeSpawnRequest } from "./native-spawn.js";

/**
 * What becomes of a descriptor of the new process: /dev/null, one end of a pair of sockets, or this process's
 * descriptor.
 */
export type Stdio = "ignore" | "pipe" | number;

function takeOver(fd: number): Socket {
  try {
    return new Socket({ fd });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * A process that was started without `child_process`; it looks like a `ChildProcess`, and never keeps this one
 * running.
 */
export class NativeProcess extends EventEmitter<{
  exit: [exitCode: number | null, signal: NodeJS.Signals | null];
  error: [error: Error];
}> {
  readonly pid: number;
  /** This process's ends of what is piped; `null` for the others. */
  readonly stdio: readonly (Socket | null)[];

  /**
   * Starts a process.
   *
   * @throws Error when it can't be started; nothing is left open then.
   */
  constructor(
    native: NativeSpawn,
    reaper: ChildReaper,
    request: Omit<NativeSpawnRequest, "descriptors"> & { readonly stdio: readonly Stdio[] },
  ) {
    super();
    const { stdio } = request;
    const theirs = new Set<number>();
    // A number that is a target as well would be overwritten before its turn.
    const moveAway = (fd: number): number => {
      if (fd >= stdio.length) return fd;
      const copy = native.duplicate(fd, stdio.length);
      theirs.add(copy);
      return copy;
    };
    const sockets: (Socket | null)[] = [];
    const open = (each: Stdio): number | undefined => {
      const pair = each === "pipe" ? native.socketPair() : undefined;
      if (pair !== undefined) theirs.add(pair[1]);
      sockets.push(pair === undefined ? null : takeOver(pair[0]));
      if (each === "ignore") return undefined;
      return moveAway(pair === undefined ? (each as number) : pair[1]);
    };
    try {
      const descriptors = stdio.map(open);
      this.pid = reaper.watch(
        () => native.spawn({ ...request, descriptors }),
        ({ exitCode, signal }) => this.emit("exit", exitCode, signal),
      );
    } catch (error) {
      for (const socket of sockets) socket?.destroy();
      throw error;
    } finally {
      for (const fd of theirs) closeSync(fd);
    }
    for (const socket of sockets) socket?.on("close", () => reaper.expectEnd(this.pid));
    this.stdio = sockets;
  }

  get stdout(): Socket | null {
    return this.stdio[1] ?? null;
  }

  get stderr(): Socket | null {
    return this.stdio[2] ?? null;
  }
}
