import { types } from "node:util";

import { namesOf } from "../option-names.js";
import { readOptions } from "../option-names.js";
import { InvalidOptionError } from "../errors.js";
import { enterClass } from "../values/errors/enter-class.js";
import { hasHooks } from "../values/classes/class-registry.js";
import { isErrorClass } from "../values/classes/class-registry.js";
import { isNativeClass } from "../values/classes/classify.js";
import { loadParser } from "./look/syntax-tools.js";
import { showValue } from "../show-value.js";
import { walk } from "./look/syntax-tree.js";
import type { AnyClass } from "../values/classes/class-registry.js";
import type { SyntaxNode } from "./look/syntax-tree.js";
import type { OptionList } from "../option-names.js";

/** How a class is registered. */
export interface RegisterClassOptions {
  /**
   * Names the class between processes. Default: the name of the class. A minified build needs one, where names of
   * classes are shortened and may be the same.
   */
  readonly name?: string | undefined;
}

const OPTIONS: OptionList = {
  call: "registerClass()",
  names: namesOf<RegisterClassOptions>({ name: true }),
  example: '{ name: "app.Point" }',
};

/** A private member of each instance, such as `#count`; one that is static is no part of them. */
function privateMember(source: string): string | undefined {
  let found: string | undefined;
  try {
    const program = loadParser().parse(`(${source})`, { ecmaVersion: "latest", ranges: true, sourceType: "module" });
    walk(program as unknown as SyntaxNode, (node) => {
      const isMember = node.type === "PropertyDefinition" || node.type === "MethodDefinition";
      if (isMember && node.key.type === "PrivateIdentifier" && !node.static) found ??= `#${node.key.name}`;
      // Classes inside methods have members of their own.
      return !/Function/.test(node.type);
    });
  } catch {
    // Text that can't be parsed alone (a function that is no class, say) has no private members.
  }
  return found;
}

/** What makes an instance more than its properties; `undefined` when nothing is known to. */
function hiddenState(registered: AnyClass): string | undefined {
  for (
    let at: unknown = registered;
    typeof at === "function" && at !== Function.prototype;
    at = Object.getPrototypeOf(at)
  ) {
    const name = (at as { readonly name: unknown }).name;
    if (types.isProxy(at)) return "a Proxy stands for it";
    const asFunction = at as (...args: never[]) => unknown;
    if (asFunction === Object) continue;
    if (isNativeClass(asFunction)) {
      return isErrorClass(registered) ? undefined : `it extends ${String(name)}, whose state is hidden`;
    }
    const member = privateMember(Function.prototype.toString.call(at));
    if (member !== undefined) return `${String(name)} has the private member ${member}`;
  }
  return undefined;
}

/**
 * Has instances of a class arrive as instances, in arguments, results and thrown values.
 *
 * One call in the program is enough: the class travels to a worker, once, as functions do, and is registered there. (A
 * call in a module that both sides import is as good.) The other process makes the instance without calling the
 * constructor, and gives it the same own enumerable properties. Cycles are kept.
 *
 * A class with private members, or one that extends a built-in class, sends its instances itself: it has the static
 * methods `[encodeInstance](instance)`, which gives what is to be sent, and `[decodeInstance](plain)`, which makes the
 * instance. Such a class need not be registered, but for its name. A class of errors needs neither.
 *
 * Subclasses are registered by themselves; hooks are inherited. A second class of the same name takes the place of the
 * first.
 *
 * @throws InvalidOptionError for what is no class, has no name, or holds what can't be seen from outside and has no
 * hooks.
 */
export function registerClass<T extends object>(
  registered: (abstract new (...args: never[]) => T) & { readonly prototype: T },
  options: RegisterClassOptions = {},
): void {
  if (typeof registered !== "function" || typeof (registered as AnyClass).prototype !== "object") {
    throw new InvalidOptionError("class", `registerClass() takes a class, but was given ${showValue(registered)}.`);
  }
  const name: unknown = readOptions(options, OPTIONS).name ?? registered.name;
  if (typeof name !== "string" || name === "") {
    throw new InvalidOptionError(
      "name",
      `registerClass() needs a name for this class: registerClass(Class, { name: "app.Point" }). It was given ${showValue(name)}.`,
    );
  }
  const hidden = hasHooks(registered) ? undefined : hiddenState(registered);
  if (hidden !== undefined) {
    throw new InvalidOptionError(
      "class",
      `Class ${name} can't be registered as it is, since its instances are more than their properties: ${hidden}. ` +
        "Give it the static methods [encodeInstance] and [decodeInstance].",
    );
  }
  enterClass(registered, name);
}
