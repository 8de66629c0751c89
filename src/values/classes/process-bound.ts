/**
 * Objects that stay in the process that made them, such as executors. A service often holds one in `this`, which a
 * task captures. What arrives is a stub: any use of it is an error that says so.
 */

import { types } from "node:util";

/** What a stub is sent as. */
interface Description {
  readonly name: string;
  readonly advice: string;
  /** The path to it, such as `this.executor`. */
  readonly where: string;
}

// By prototype, as subclasses are of the same kind.
const bound = new WeakMap<object, Omit<Description, "where">>();
const stubs = new WeakMap<object, Description>();

/** Names what stubs are sent by. */
export const STUB_TAG = "asynccpu.stub";

/** Declares that the instances of a class stay where they are. */
export function staysInProcess(of: { readonly prototype: object; readonly name: string }, advice: string): void {
  bound.set(of.prototype, { name: of.name, advice });
}

/** Whether the instances of this prototype stay in their process. */
export function isProcessBound(prototype: object): boolean {
  return bound.has(prototype);
}

/** Whether a value is the stub of an object that stayed in another process. */
export function isStub(value: object): boolean {
  return stubs.has(value);
}

/** What is sent in place of an object that stays, or of a stub. */
export function describeStub(object: object, where = ""): Description {
  const known = stubs.get(object);
  if (known !== undefined) return known;
  for (let at: unknown = object; typeof at === "object" && at !== null; at = Object.getPrototypeOf(at)) {
    const found = types.isProxy(at) ? undefined : bound.get(at);
    if (found !== undefined) return { ...found, where };
  }
  return { name: "object", advice: "", where };
}

/** What is asked of any object, by `await`, `JSON.stringify` or `util.inspect`, before it is used. */
const HARMLESS: ReadonlySet<string | symbol> = new Set<string | symbol>([
  "then",
  "toJSON",
  Symbol.toStringTag,
  Symbol.toPrimitive,
  Symbol.for("nodejs.util.inspect.custom"),
]);

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Makes the stub in the other process. */
export function makeStub(plain: unknown): object {
  const { name, advice, where } = (typeof plain === "object" && plain !== null ? plain : {}) as Partial<Description>;
  const description: Description = { name: text(name), advice: text(advice), where: text(where) };
  const refuse = (key: string | symbol): never => {
    const { where: at, name: kind, advice: wayOut } = description;
    const used = at === "" ? `${String(key)} of a ${kind}` : `${at}.${String(key)}`;
    throw new TypeError(`${used} can't be used in a worker: the ${kind} stays in the process that made it. ${wayOut}`);
  };
  const stub = new Proxy(Object.freeze({}), {
    get: (_, key) => (HARMLESS.has(key) ? undefined : refuse(key)),
    set: (_, key) => refuse(key),
  });
  stubs.set(stub, description);
  return stub;
}
