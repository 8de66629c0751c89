/**
 * The mark that a worker and all that it starts carry in their environment: ids separated by colons; a nested pool
 * appends its own. It finds those that left both the tree and the process group.
 */

import type { Platform } from "../platform.js";
import { hasNoEnvironment } from "./stat.js";

/** The environment variable that holds the ids. */
export const COOKIE_VARIABLE = "ASYNCCPU_COOKIE";

/**
 * What the environment of a process says: one of the ids, none of them, or nothing at the moment, as it is in the
 * midst of execve, or of its end.
 */
export type CookieAnswer = "carries" | "lacks" | "hidden";

/**
 * Looks for cookies in the text of /proc/PID/environ. It shows the environment with which the program was started, not
 * what it has made of it since.
 */
export function findCookie(environ: string, cookies: ReadonlySet<string>): "carries" | "lacks" {
  const prefix = `${COOKIE_VARIABLE}=`;
  for (const variable of environ.split("\0")) {
    if (!variable.startsWith(prefix)) continue;
    return variable
      .slice(prefix.length)
      .split(":")
      .some((id) => cookies.has(id))
      ? "carries"
      : "lacks";
  }
  return "lacks";
}

function readEnviron(platform: Platform, folder: string): string {
  try {
    return platform.readText(`${folder}/environ`);
  } catch (error) {
    // What has given back its memory: newer kernels have an error for it.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return "";
    throw error;
  }
}

/**
 * A process whose first thread has ended shows its environment through the others; one that is ending through none.
 */
function readThreadsEnviron(platform: Platform, pid: number): string {
  const folder = `/proc/${pid}/task`;
  for (const threadId of platform.listDirectory(folder)) {
    const environ = readEnviron(platform, `${folder}/${threadId}`);
    if (environ !== "") return environ;
  }
  return "";
}

/** Asks a process for a cookie; one whose environment can't be read (another user's) is taken to have none. */
export function askForCookie(platform: Platform, pid: number, cookies: ReadonlySet<string>): CookieAnswer {
  try {
    let environ = readEnviron(platform, `/proc/${pid}`);
    if (environ === "") {
      const hadNone = hasNoEnvironment(platform, pid);
      // Its execve may have ended between the two looks.
      environ = hadNone ? readThreadsEnviron(platform, pid) : readEnviron(platform, `/proc/${pid}`);
      if (environ === "" && hadNone) return "hidden";
    }
    return findCookie(environ, cookies);
  } catch {
    return "lacks";
  }
}

/** How many pools stand above a process with this environment: each has left its id. */
export function depthOf(env: NodeJS.ProcessEnv): number {
  const cookie = env[COOKIE_VARIABLE];
  return cookie === undefined || cookie === "" ? 0 : cookie.split(":").length;
}
