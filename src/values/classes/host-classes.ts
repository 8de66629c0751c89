/**
 * Classes of Node and of the web whose state is not in properties, but can be had: they travel as what they are made
 * of.
 *
 * They are found by name when an instance is met: naming `Headers` at the start would load all of fetch.
 */

import process from "node:process";
import type { KeyObject } from "node:crypto";
import type { Channel } from "node:diagnostics_channel";
import type { SocketAddress } from "node:net";
import type { TracingChannel } from "node:diagnostics_channel";

import { damaged } from "./damaged.js";

/**
 * How the instances of one class travel. Its class is what `find` gives, `module[name]`, `Intl[name]`, or a global.
 */
interface HostClass {
  readonly module?: string;
  readonly find?: () => unknown;
  readonly isOfIntl?: true;
  /** Whether an instance stays as it was made. */
  readonly isImmutable?: true;
  encode(instance: never): unknown;
  decode(plain: unknown): object;
}

function fail(): never {
  throw damaged("an instance of a built-in class has no such parts");
}

function text(value: unknown): string {
  return typeof value === "string" ? value : fail();
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : fail();
}

function pairs(value: unknown): [string, string][] {
  return list(value).map((pair) => {
    const [name, content] = list(pair);
    return [text(name), text(content)];
  });
}

function bytes(value: unknown): Uint8Array<ArrayBuffer> {
  return value instanceof Uint8Array ? (value as Uint8Array<ArrayBuffer>) : fail();
}

function makeKey(plain: unknown): object {
  const [type, key] = list(plain);
  const { createSecretKey, createPublicKey, createPrivateKey } = process.getBuiltinModule("node:crypto");
  if (type === "secret") return createSecretKey(bytes(key));
  const der = { key: Buffer.from(bytes(key)), format: "der" } as const;
  if (type === "public") return createPublicKey({ ...der, type: "spki" });
  return type === "private" ? createPrivateKey({ ...der, type: "pkcs8" }) : fail();
}

function exportKey(key: KeyObject): unknown {
  if (key.type === "secret") return [key.type, new Uint8Array(key.export())];
  return [key.type, new Uint8Array(key.export({ format: "der", type: key.type === "public" ? "spki" : "pkcs8" }))];
}

function family(label: string | undefined): "ipv4" | "ipv6" {
  return label === "IPv6" ? "ipv6" : "ipv4";
}

/** `rules` is all that every version of Node tells of a list. */
function makeBlockList(rules: unknown): object {
  const { BlockList } = process.getBuiltinModule("node:net");
  const made = new BlockList();
  for (const rule of list(rules).toReversed()) {
    const [kind, label, from = "", to] = text(rule).split(/: | |-|\//);
    if (kind === "Address") made.addAddress(from, family(label));
    else if (kind === "Range" && to !== undefined) made.addRange(from, to, family(label));
    else if (kind === "Subnet" && to !== undefined) made.addSubnet(from, Number(to), family(label));
    else fail();
  }
  return made;
}

function channelNamed(name: unknown): Channel {
  return process.getBuiltinModule("node:diagnostics_channel").channel(text(name));
}

function channelName({ name }: Channel): string {
  if (typeof name === "string") return name;
  throw new TypeError("the name of a channel has to be a string there");
}

/** A channel is what all code of a process knows by its name. */
const CHANNEL: HostClass = {
  module: "node:diagnostics_channel",
  isImmutable: true,
  encode: channelName,
  decode: channelNamed,
};

/** What a channel is an instance of while somebody listens. */
function activeChannelClass(): unknown {
  const channel = channelNamed("asynccpu.probe");
  const listener = (): void => {};
  channel.subscribe(listener);
  const { constructor } = channel;
  channel.unsubscribe(listener);
  return constructor;
}

const TRACING_EVENTS = ["start", "end", "asyncStart", "asyncEnd", "error"] as const;

/** Formatters and the like, which say themselves what they were made of. */
function intlClass(name: string): HostClass {
  return {
    isOfIntl: true,
    isImmutable: true,
    encode: (instance: { resolvedOptions(): object }) => ({ ...instance.resolvedOptions() }),
    decode: (plain) => {
      const options = typeof plain === "object" && plain !== null ? plain : fail();
      const Class = Reflect.get(Intl, name) as (new (locale: unknown, options: object) => object) | undefined;
      if (Class === undefined) throw new TypeError(`Intl.${name} does not exist in this version of Node.js`);
      return new Class((options as { locale?: unknown }).locale, options);
    },
  };
}

const INTL_CLASSES =
  "Collator DateTimeFormat DisplayNames DurationFormat ListFormat NumberFormat PluralRules RelativeTimeFormat Segmenter";

const HOST_CLASSES: Readonly<Record<string, HostClass>> = {
  URL: { encode: (url: URL) => url.href, decode: (plain) => new URL(text(plain)) },
  URLSearchParams: {
    encode: (params: URLSearchParams) => [...params],
    decode: (plain) => new URLSearchParams(pairs(plain)),
  },
  Headers: {
    encode: (headers: Headers) => [...headers],
    decode: (plain) => new Headers(pairs(plain)),
  },
  TextEncoder: { isImmutable: true, encode: () => undefined, decode: () => new TextEncoder() },
  TextDecoder: {
    isImmutable: true,
    encode: ({ encoding, fatal, ignoreBOM }: InstanceType<typeof TextDecoder>) => [encoding, fatal, ignoreBOM],
    decode: (plain) => {
      const [encoding, fatal, ignoreBOM] = list(plain);
      return new TextDecoder(text(encoding), { fatal: fatal === true, ignoreBOM: ignoreBOM === true });
    },
  },
  ...Object.fromEntries(INTL_CLASSES.split(" ").map((name) => [name, intlClass(name)])),
  Locale: { isOfIntl: true, isImmutable: true, encode: String, decode: (plain) => new Intl.Locale(text(plain)) },
  MIMEType: {
    module: "node:util",
    encode: String,
    decode: (plain) => new (process.getBuiltinModule("node:util").MIMEType)(text(plain)),
  },
  KeyObject: { isImmutable: true, module: "node:crypto", encode: exportKey, decode: makeKey },
  X509Certificate: {
    isImmutable: true,
    module: "node:crypto",
    encode: (certificate: { readonly raw: Uint8Array }) => new Uint8Array(certificate.raw),
    decode: (plain) => new (process.getBuiltinModule("node:crypto").X509Certificate)(bytes(plain)),
  },
  SocketAddress: {
    isImmutable: true,
    module: "node:net",
    encode: ({ address, family: ipFamily, flowlabel, port }: SocketAddress) => [address, ipFamily, flowlabel, port],
    decode: (plain) => {
      const [address, ipFamily, flowlabel, port] = list(plain);
      if (ipFamily !== "ipv4" && ipFamily !== "ipv6") return fail();
      const init = {
        address: text(address),
        family: ipFamily,
        flowlabel: Number(flowlabel),
        port: Number(port),
      } as const;
      return new (process.getBuiltinModule("node:net").SocketAddress)(init);
    },
  },
  BlockList: {
    module: "node:net",
    encode: ({ rules }: { readonly rules: readonly string[] }) => [...rules],
    decode: makeBlockList,
  },
  Channel: CHANNEL,
  ActiveChannel: { ...CHANNEL, find: activeChannelClass },
  TracingChannel: {
    isImmutable: true,
    find: () => process.getBuiltinModule("node:diagnostics_channel").tracingChannel("asynccpu.probe").constructor,
    encode: (tracing: TracingChannel) => TRACING_EVENTS.map((event) => channelName(tracing[event])),
    decode: (plain) => {
      const names = list(plain);
      const channels = TRACING_EVENTS.map((event, index) => [event, channelNamed(names[index])]);
      return process
        .getBuiltinModule("node:diagnostics_channel")
        .tracingChannel(Object.fromEntries(channels) as TracingChannel);
    },
  },
};

/** The names in the table. */
export const HOST_CLASS_NAMES: readonly string[] = Object.keys(HOST_CLASSES);

/** What the tags of these begin with. */
export const TAG_PREFIX = "asynccpu.host.";

function classOf(name: string, { module, isOfIntl, find }: HostClass): unknown {
  if (find !== undefined) return find();
  const owner = isOfIntl === true ? Intl : module === undefined ? globalThis : process.getBuiltinModule(module);
  return Reflect.get(owner as object, name);
}

/** How the objects of one kind travel. */
export interface Extension {
  /** Names the kind on the wire. */
  readonly tag: string;
  /** Whether an object stays as it was made. */
  readonly isImmutable?: boolean;
  /**
   * Gives what is to be sent, which may itself hold errors and objects of other kinds.
   *
   * @param where - The path to the object, for the messages of what can't be used there.
   */
  encode(object: object, where?: string): unknown;
  /** Makes the object in the other process. */
  decode(plain: unknown): object;
}

/** The way in which the instances of a built-in class travel; identity decides, not the name alone. */
export function hostExtension(constructor: { readonly name: unknown }): Extension | undefined {
  const { name } = constructor;
  if (typeof name !== "string" || !Object.hasOwn(HOST_CLASSES, name)) return undefined;
  const found = HOST_CLASSES[name];
  if (found === undefined || classOf(name, found) !== constructor) return undefined;
  const { isImmutable = false, decode } = found;
  return { tag: TAG_PREFIX + name, isImmutable, encode: (instance) => found.encode(instance as never), decode };
}

/** Why an instance of some class can't be sent, for those who know how to help themselves. */
export const CLASS_ADVICE: ReadonlyMap<string, string> = new Map([
  ["Generator", "pass what it gives, such as [...generator]"],
  ["AsyncGenerator", "pass ReadableStream.from(generator)"],
  ["FormData", "pass [...formData]"],
  ["Blob", "pass await blob.arrayBuffer()"],
  ["File", "pass await file.arrayBuffer()"],
  ["Response", "pass await response.arrayBuffer()"],
  ["Request", "pass await request.arrayBuffer()"],
  ["AbortSignal", "pass it as an argument, or use the signal of currentTask() in the task"],
  ["AbortController", "pass its signal as an argument, or use the signal of currentTask() in the task"],
  ["TransformStream", "pass its readable and its writable side"],
  ["CryptoKey", "pass it exported, or KeyObject.from(key)"],
  ["WebAssembly.Module", "pass its bytes, and compile them in the task: V8 gives no bytes of a compiled module"],
  ["WebAssembly.Instance", "pass the bytes of its module, and make it in the task"],
  ["WeakRef", "pass what deref() gives"],
]);

/** The way back for a tag; `undefined` when it is not one of these. */
export function hostDecoder(tag: string): ((plain: unknown) => object) | undefined {
  const name = tag.startsWith(TAG_PREFIX) ? tag.slice(TAG_PREFIX.length) : "";
  return Object.hasOwn(HOST_CLASSES, name) ? HOST_CLASSES[name]?.decode : undefined;
}
