import { addClass } from "./class-registry.js";
import { hasHooks } from "./class-registry.js";
import { isErrorClass } from "./class-registry.js";
import { registerErrorClass } from "./error-codec-classes.js";
import type { AnyClass } from "./class-registry.js";

/** Makes a class known under a name: its instances arrive as instances; those of a class of errors as errors do. */
export function enterClass(entered: AnyClass, name: string): void {
  addClass(entered, name);
  if (isErrorClass(entered) && !hasHooks(entered)) registerErrorClass({ name, prototype: entered.prototype });
}
