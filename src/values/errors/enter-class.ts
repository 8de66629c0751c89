import { addClass } from "../classes/class-registry.js";
import { addSentClass } from "../classes/class-registry.js";
import { hasHooks } from "../classes/class-registry.js";
import { isErrorClass } from "../classes/class-registry.js";
import { registerErrorClass } from "./classes.js";
import type { AnyClass } from "../classes/class-registry.js";

/**
 * Makes a class known under a name: its instances arrive as instances; those of a class of errors as errors do.
 *
 * @param isSent - Whether the parent has sent it by value.
 */
export function enterClass(entered: AnyClass, name: string, isSent = false): void {
  if (isSent) addSentClass(entered, name);
  else addClass(entered, name);
  if (isErrorClass(entered) && !hasHooks(entered)) registerErrorClass({ name, prototype: entered.prototype });
}
