/**
 * What arrives is the same, whether a value is captured or an argument: for each class of the table of host classes,
 * and for what structuredClone takes.
 */

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { createPublicKey } from "node:crypto";
import { createSecretKey } from "node:crypto";
import { generateKeyPairSync } from "node:crypto";
import { X509Certificate } from "node:crypto";
import { channel } from "node:diagnostics_channel";
import { tracingChannel } from "node:diagnostics_channel";
import { BlockList } from "node:net";
import { SocketAddress } from "node:net";
import { createServer } from "node:net";
import { StringDecoder } from "node:string_decoder";
import { after } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";
import { MIMEType } from "node:util";
import { Script } from "node:vm";

import { FunctionNotPicklableError } from "asynccpu";
import { NotSerializableError } from "asynccpu";
import { ProcessPoolExecutor } from "asynccpu";

import { HOST_CLASS_NAMES } from "../../../src/values/classes/host-classes.js";

const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
after(() => executor.shutdown());

/** A value, and what shows that it arrived as what it is. */
type Sample = readonly [value: unknown, show: (value: never) => unknown];

const { publicKey } = generateKeyPairSync("ed25519");
const watched = channel("asynccpu.test.watched");
watched.subscribe(() => {});

function blockList(): BlockList {
  const list = new BlockList();
  list.addAddress("1.2.3.4");
  return list;
}

const CERTIFICATE =
  "MIIBfzCCASWgAwIBAgIUQdSkjqWecRZgj4o9G/ETOHozCYMwCgYIKoZIzj0EAwIwFDESMBAGA1UEAwwJYm90aC13YX" +
  "lzMCAXDTI2MTEzMDA1NDQ0NFoYDzIxMjYxMTA2MDU0NDQ0WjAUMRIwEAYDVQQDDAlib3RoLXdheXMwWTATBgcqhkjO" +
  "PQIBBggqhkjOPQMBBwNCAASQpZ+9/7Id3UqmyE8CpfBc67aW1oOJc349Yim+dOTyghzgxxhMujHr3ETpaIImueJgI3" +
  "t83Qcbk9nVokcWWWa1o1MwUTAdBgNVHQ4EFgQUwjvCloFXINnNh2oJ3juF0Hw1zRgwHwYDVR0jBBgwFoAUwjvCloFX" +
  "INnNh2oJ3juF0Hw1zRgwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA+ugLXhVKMeOJtmQSQIoHqc" +
  "lBB6UU4nWncS8EFQIJBPACIEjPSx9B88vILJEn8qabRZTe7RYl7GIDWCjBCTR7zDY2";

/** For each name in the table of host classes. */
const HOST_SAMPLES: Readonly<Record<string, readonly Sample[]>> = {
  URL: [[new URL("http://a/b?c=1"), (url: URL) => [url.href, url instanceof URL]]],
  URLSearchParams: [[new URLSearchParams("a=1&a=2"), (params: URLSearchParams) => params.getAll("a")]],
  Headers: [[new Headers({ "x-a": "1" }), (headers: Headers) => [...headers]]],
  TextEncoder: [[new TextEncoder(), (encoder: InstanceType<typeof TextEncoder>) => [...encoder.encode("ä")]]],
  TextDecoder: [
    [new TextDecoder("latin1"), (decoder: InstanceType<typeof TextDecoder>) => decoder.decode(Uint8Array.of(0xe4))],
  ],
  NumberFormat: [
    [
      new Intl.NumberFormat("de", { style: "currency", currency: "EUR" }),
      (each: Intl.NumberFormat) => each.format(1e3),
    ],
    [new Intl.NumberFormat("en", { notation: "compact" }), (each: Intl.NumberFormat) => each.format(123456)],
  ],
  DateTimeFormat: [
    [
      new Intl.DateTimeFormat("de", { dateStyle: "full", timeStyle: "short", timeZone: "Asia/Tokyo" }),
      (each: Intl.DateTimeFormat) => each.format(0),
    ],
  ],
  Collator: [[new Intl.Collator("de", { numeric: true }), (each: Intl.Collator) => each.compare("a10", "a9")]],
  PluralRules: [[new Intl.PluralRules("en", { type: "ordinal" }), (each: Intl.PluralRules) => each.select(2)]],
  RelativeTimeFormat: [
    [
      new Intl.RelativeTimeFormat("en", { numeric: "auto" }),
      (each: Intl.RelativeTimeFormat) => each.format(-1, "day"),
    ],
  ],
  ListFormat: [
    [new Intl.ListFormat("en", { type: "disjunction" }), (each: Intl.ListFormat) => each.format(["a", "b"])],
  ],
  DisplayNames: [[new Intl.DisplayNames("en", { type: "region" }), (each: Intl.DisplayNames) => each.of("DE")]],
  Segmenter: [
    [new Intl.Segmenter("en", { granularity: "word" }), (each: Intl.Segmenter) => [...each.segment("a b")].length],
  ],
  Locale: [[new Intl.Locale("de-AT"), (each: Intl.Locale) => each.region]],
  MIMEType: [[new MIMEType("text/plain;charset=utf-8"), (each: MIMEType) => each.params.get("charset")]],
  KeyObject: [
    [createSecretKey(Buffer.from("abc")), (key: { export(): Buffer }) => key.export().toString()],
    [
      createPublicKey(publicKey.export({ format: "pem", type: "spki" })),
      (key: { readonly asymmetricKeyType: string }) => key.asymmetricKeyType,
    ],
  ],
  X509Certificate: [
    [new X509Certificate(Buffer.from(CERTIFICATE, "base64")), (each: X509Certificate) => each.subject],
  ],
  SocketAddress: [
    [new SocketAddress({ address: "1.2.3.4", port: 5 }), (address: SocketAddress) => [address.address, address.port]],
  ],
  BlockList: [[blockList(), (list: BlockList) => list.check("1.2.3.4")]],
  Channel: [[channel("asynccpu.test"), (each: { readonly name: string }) => each.name]],
  ActiveChannel: [[watched, (each: { readonly name: string }) => each.name]],
  TracingChannel: [
    [tracingChannel("asynccpu.test"), (each: { readonly start: { readonly name: string } }) => each.start.name],
  ],
};

/** By name, what structuredClone takes as well. */
const CLONED_SAMPLES: Readonly<Record<string, Sample>> = {
  Date: [new Date(5), (date: Date) => [date instanceof Date, date.getTime()]],
  RegExp: [/a+/gi, (each: RegExp) => [each.source, each.flags]],
  Map: [new Map([[1, { a: 2 }]]), (map: Map<number, object>) => [...map]],
  Set: [new Set([1, "b"]), (set: Set<unknown>) => [...set]],
  "a boxed number": [Object(3), (boxed: unknown) => [typeof boxed, Number(boxed)]],
  ArrayBuffer: [Uint8Array.of(1, 2).buffer, (buffer: ArrayBuffer) => [...new Uint8Array(buffer)]],
  "a typed array": [Float32Array.of(1.5), (view: Float32Array) => [view instanceof Float32Array, ...view]],
  DataView: [new DataView(Uint8Array.of(7).buffer), (view: DataView) => view.getUint8(0)],
  Buffer: [Buffer.from("x"), (buffer: Buffer) => [Buffer.isBuffer(buffer), buffer.toString()]],
  Error: [
    new TypeError("bad", { cause: 1 }),
    (error: Error) => [error instanceof TypeError, error.message, error.cause, error.stack],
  ],
  AggregateError: [
    new AggregateError([new RangeError("in")], "all"),
    (error: AggregateError) => [error.message, (error.errors[0] as Error).message],
  ],
  DOMException: [
    new DOMException("gone", "AbortError"),
    (error: DOMException) => [error instanceof DOMException, error.name, error.message, error.code, error.stack],
  ],
};

function arrivesBothWays(name: string, [value, show]: Sample): void {
  test(name, async () => {
    const here = (show as (value: unknown) => unknown)(value);
    const captured = executor.submit((...args: readonly unknown[]) =>
      (show as (...all: unknown[]) => unknown)(value, ...args),
    );
    const passed = executor.submit(show as (value: unknown) => unknown, value);
    assert.deepEqual([await captured, await passed], [here, here]);
  });
}

describe("arrives as what it is, captured or as an argument", () => {
  for (const [name, samples] of Object.entries(HOST_SAMPLES)) {
    for (const [index, sample] of samples.entries()) arrivesBothWays(`${name} ${index}`, sample);
  }
  for (const [name, sample] of Object.entries(CLONED_SAMPLES)) arrivesBothWays(name, sample);

  test("each class of the table has a sample", () => {
    // Not every Node has it: see the table.
    const missing = HOST_CLASS_NAMES.filter((name) => !(name in HOST_SAMPLES) && name !== "DurationFormat");
    assert.deepEqual(missing, []);
  });
});

/** What can't be sent in either way. */
const REFUSED: Readonly<Record<string, object>> = {
  "a promise": Promise.resolve(1),
  "a generator": (function* (): Generator {})(),
  "a WeakRef": new WeakRef({}),
  "a Proxy": new Proxy({}, {}),
  "a SharedArrayBuffer": new SharedArrayBuffer(1),
  FormData: new FormData(),
  EventTarget: new EventTarget(),
  TransformStream: new TransformStream(),
  AbortController: new AbortController(),
  AsyncLocalStorage: new AsyncLocalStorage(),
  Server: createServer(),
  Script: new Script("1"),
  StringDecoder: new StringDecoder("utf8"),
};

describe("is refused, captured or as an argument", () => {
  for (const [name, value] of Object.entries(REFUSED)) {
    test(name, async () => {
      await assert.rejects(
        executor.submit(() => typeof value),
        FunctionNotPicklableError,
      );
      await assert.rejects(
        executor.submit((given: object) => typeof given, value),
        NotSerializableError,
      );
    });
  }
});

describe("an object of Node's", () => {
  test("of a class of the program that extends one of Node's keeps its class when it is captured", async () => {
    class Link extends URL {
      label = "x";
      get text(): string {
        return `${this.label} ${this.host}`;
      }
    }
    const link = new Link("http://a/");
    assert.equal(await executor.submit(() => link.text), "x a");
  });

  test("that can't be copied is refused with the same advice", async () => {
    const bytes = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
    // Reason: the types of Node have no WebAssembly.
    const { WebAssembly } = globalThis as unknown as {
      WebAssembly: { Module: new (bytes: Uint8Array) => object };
    };
    const module = new WebAssembly.Module(bytes);
    await assert.rejects(
      executor.submit(() => module),
      (error: unknown) => {
        return error instanceof FunctionNotPicklableError && /pass its bytes/i.test(error.message);
      },
    );
    await assert.rejects(
      executor.submit((given: object) => given, module),
      (error: unknown) => {
        return error instanceof NotSerializableError && /pass its bytes/i.test(error.message);
      },
    );
  });
});
