import { addClass } from "./class-registry.js";
import { addVersion } from "./class-registry.js";
import { hasHooks } from "./class-registry.js";
import { isErrorClass } from "./class-registry.js";
import { registerErrorClass } from "./error-codec-classes.js";
import type { AnyClass } from "./class-registry.js";

/**
 * Makes a class known under a name: its instances arrive as instances; those of a class of errors as errors do.
 *
 * @param version - Of a class that the parent has sent by value.
 */
export function enterClass(entered: AnyClass, name: string, version?: string): void {
  if (version === undefined) addClass(entered, name);
  else addVersion(entered, name, version);
  if (isErrorClass(entered) && !hasHooks(entered)) registerErrorClass({ name, prototype: entered.prototype });
}
