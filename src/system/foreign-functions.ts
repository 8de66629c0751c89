/** Calls of the C library, through koffi: an optional dependency, loaded when it is first needed and never before. */

import { createRequire } from "node:module";

/** The part of koffi that is used. */
export interface ForeignFunctions {
  load(path: null): { func(declaration: string): (...args: readonly unknown[]) => unknown };
  errno(): number;
  readonly os: { readonly errno: Readonly<Record<string, number>> };
}

/**
 * Processors for which the numbers of flags are known to be those used here; on others they differ, or sizes are too
 * small.
 */
const KNOWN_ARCHITECTURES: ReadonlySet<string> = new Set(["x64", "arm64", "riscv64", "loong64"]);

/** @throws Error that says why calls are not made here. */
export function checkKnownSystem(platform: NodeJS.Platform, arch: string): void {
  if (platform !== "linux") throw new Error(`it is written for Linux, not for ${platform}`);
  if (!KNOWN_ARCHITECTURES.has(arch)) throw new Error(`it is not written for processors of type ${arch}`);
}

/** Loads koffi. @throws when it is not there. */
export function loadForeignFunctions(): ForeignFunctions {
  return createRequire(import.meta.url)("koffi") as ForeignFunctions;
}

/** For a message: the name of an error number, such as `ENOMEM`. */
export function nameOfErrno(foreign: ForeignFunctions, errno: number): string {
  return Object.entries(foreign.os.errno).find(([, value]) => value === errno)?.[0] ?? `error ${errno}`;
}
