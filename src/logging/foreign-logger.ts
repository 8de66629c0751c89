/**
 * Loggers of pino and winston, which a captured `this` often holds: in the other process each is a logger of
 * `getLogger`.
 *
 * They are known by their shape; neither package is loaded.
 */

import { format } from "node:util";

import { LOG_LEVELS } from "./log-record.js";
import { toLevelName } from "./log-record.js";
import { getLogger } from "./task-logger.js";
import type { LogLevel } from "./log-record.js";
import type { LogFields } from "./task-logger.js";
import { addExtension } from "../values/classes/extensions.js";

/** What a logger is sent as. */
interface Description {
  readonly name: string;
  /** The lowest level that it logs; empty for all. */
  readonly level: string;
  readonly fields: LogFields;
}

/** Names of winston's levels that differ. */
const OTHER_LEVELS: Readonly<Record<string, LogLevel>> = { http: "debug", verbose: "debug", silly: "trace" };

function toLevel(name: string): LogLevel {
  return OTHER_LEVELS[name] ?? toLevelName(name);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function isPrimitive(value: unknown): boolean {
  return value === null || /^(?:string|number|boolean|bigint)$/.test(typeof value);
}

/** The fields that every record has, without what is said otherwise or can't be sent. */
function sendableFields(fields: object): LogFields {
  const left = new Set(["name", "pid", "hostname", "service"]);
  return Object.fromEntries(Object.entries(fields).filter(([key, value]) => !left.has(key) && isPrimitive(value)));
}

/** A message and its fields, whatever of the ways of pino and winston they were passed in. */
function toMessage(args: readonly unknown[]): readonly [message: string, fields: LogFields] {
  const [first, second, ...rest] = args;
  if (first instanceof Error) {
    return [typeof second === "string" ? format(second, ...rest) : first.message, { err: first }];
  }
  if (isObject(first)) {
    const { msg, message = msg, level: _, ...fields } = first;
    const own = typeof message === "string" ? message : "";
    return [typeof second === "string" ? format(second, ...rest) : own, fields];
  }
  if (isObject(second) && typeof first === "string" && !first.includes("%")) {
    return [first, second instanceof Error ? { err: second } : second];
  }
  return [format(...args), {}];
}

/** A logger of the other process. */
class ForeignLogger {
  level: string;
  readonly #name: string;
  readonly #fields: LogFields;

  constructor({ name, level, fields }: Description) {
    this.#name = name;
    this.level = level;
    this.#fields = fields;
  }

  isLevelEnabled(level: string): boolean {
    return (
      this.level !== "silent" && (this.level === "" || LOG_LEVELS[toLevel(level)] >= LOG_LEVELS[toLevel(this.level)])
    );
  }

  #log(level: LogLevel, args: readonly unknown[]): void {
    if (!this.isLevelEnabled(level)) return;
    const [message, own] = toMessage(args);
    const fields = { ...this.#fields, ...own };
    getLogger(this.#name)[level](message, Object.keys(fields).length > 0 ? fields : undefined);
  }

  trace = (...args: readonly unknown[]): void => this.#log("trace", args);
  silly = this.trace;
  debug = (...args: readonly unknown[]): void => this.#log("debug", args);
  verbose = this.debug;
  http = this.debug;
  info = (...args: readonly unknown[]): void => this.#log("info", args);
  warn = (...args: readonly unknown[]): void => this.#log("warn", args);
  error = (...args: readonly unknown[]): void => this.#log("error", args);
  fatal = (...args: readonly unknown[]): void => this.#log("fatal", args);

  /** As winston has it: a level and a message, or one object that has both. */
  log = (first: unknown, ...args: readonly unknown[]): void => {
    const isEntry = isObject(first) && typeof first["level"] === "string";
    this.#log(toLevel(String(isEntry ? first["level"] : first)), isEntry ? [first] : args);
  };

  bindings(): LogFields {
    return { ...this.#fields, ...(this.#name !== "" && { name: this.#name }) };
  }

  child(fields: object = {}): ForeignLogger {
    const { name = this.#name } = fields as { readonly name?: unknown };
    return new ForeignLogger({
      name: String(name),
      level: this.level,
      fields: { ...this.#fields, ...sendableFields(fields) },
    });
  }

  static describe(logger: ForeignLogger): Description {
    return { name: logger.#name, level: logger.level, fields: logger.#fields };
  }
}

/** The methods that tell a logger of pino or winston. */
const SHAPES: readonly (readonly string[])[] = [
  ["child", "bindings", "setBindings", "isLevelEnabled"],
  ["child", "configure", "profile", "startTimer", "add"],
];

function hasMethod(object: object, key: string): boolean {
  for (let at: unknown = object; isObject(at); at = Object.getPrototypeOf(at)) {
    const descriptor = Object.getOwnPropertyDescriptor(at, key);
    if (descriptor !== undefined) return typeof descriptor.value === "function";
  }
  return false;
}

function describeLogger(object: object): Description {
  const { level, silent, defaultMeta, bindings } = object as {
    readonly level?: unknown;
    /** Of winston's; pino has a level of this name. */
    readonly silent?: unknown;
    readonly defaultMeta?: unknown;
    readonly bindings?: () => unknown;
  };
  const given = typeof bindings === "function" ? bindings.call(object) : defaultMeta;
  const fields = isObject(given) ? given : {};
  const name = fields["name"] ?? fields["service"];
  return {
    name: typeof name === "string" ? name : "",
    level: silent === true ? "silent" : typeof level === "string" ? level : "",
    fields: sendableFields(fields),
  };
}

function decode(plain: unknown): ForeignLogger {
  const { name, level, fields } = (isObject(plain) ? plain : {}) as Partial<Description>;
  return new ForeignLogger({ name: name ?? "", level: level ?? "", fields: fields ?? {} });
}

addExtension({
  tag: "asynccpu.logger",
  fits: (prototype) =>
    prototype === ForeignLogger.prototype ||
    SHAPES.some((methods) => methods.every((each) => hasMethod(prototype, each))),
  encode: (logger) => (logger instanceof ForeignLogger ? ForeignLogger.describe(logger) : describeLogger(logger)),
  decode,
});
