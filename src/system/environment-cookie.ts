/**
 * The mark that a worker and all that it starts carry in their environment: ids separated by colons; a nested pool
 * appends its own. It finds those that left both the tree and the process group.
 */

import type { Platform } from "./platform.js";
import { isInExec } from "./proc-stat.js";

/** The environment variable that holds the ids. */
export const COOKIE_VARIABLE = "ASYNCCPU_COOKIE";

/** What the environment of a process says: one of the ids, none of them, or nothing yet, as it is in the midst of execve. */
export type CookieAnswer = "carries" | "lacks" | "inExec";

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

/** Asks a process for a cookie; one whose environment can't be read (another user's) is taken to have none. */
export function askForCookie(platform: Platform, pid: number, cookies: ReadonlySet<string>): CookieAnswer {
  try {
    const path = `/proc/${pid}/environ`;
    let environ = platform.readText(path);
    if (environ === "") {
      if (isInExec(platform, pid)) return "inExec";
      // Its execve may have ended between the two looks (in one of 23 that were met in their midst).
      environ = platform.readText(path);
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
