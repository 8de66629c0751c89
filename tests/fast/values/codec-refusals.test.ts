/** Values that can't be sent. */

import assert from "node:assert/strict";
import net from "node:net";
import { PassThrough } from "node:stream";
import { createHash } from "node:crypto";
import { describe } from "node:test";
import { it } from "node:test";

import { NotSerializableError } from "../../../src/errors.js";
import { decodeValue } from "../../../src/values/codec.js";
import { encodeArguments } from "../../../src/values/codec.js";
import { encodeValue } from "../../../src/values/codec.js";

function send<T>(value: T): T {
  return decodeValue(encodeValue(value, "result")) as T;
}

function refusal(value: unknown): NotSerializableError {
  try {
    encodeValue(value, "result");
  } catch (error) {
    assert.ok(error instanceof NotSerializableError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: "the value was not refused" });
}

class Point {
  x = 1;
  y = [2];
  readonly #hidden = 3;
  get sum(): number {
    return this.x + this.#hidden;
  }
}

describe("values that can't be sent", () => {
  const socket = new net.Socket();
  const detached = new ArrayBuffer(8);
  structuredClone(detached, { transfer: [detached] });
  function* generate(): Generator<number> {
    yield 1;
  }
  const proxy = new Proxy(
    {},
    { get: () => assert.fail("a trap ran"), getPrototypeOf: () => assert.fail("a trap ran") },
  );
  const revocable = Proxy.revocable([], {});
  revocable.revoke();
  const cases: Record<string, [value: unknown, what: RegExp]> = {
    function: [() => 1, /a function/],
    class: [Point, /a class/],
    symbol: [Symbol("x"), /a symbol/],
    boxedSymbol: [Object(Symbol("x")), /Symbol/],
    promise: [Promise.resolve(1), /a promise: await it first/],
    weakRef: [new WeakRef({}), /WeakRef/],
    proxy: [proxy, /a Proxy/],
    revokedProxy: [revocable.proxy, /a Proxy/],
    socket: [socket, /a stream or socket \(Socket\)/],
    stream: [new PassThrough(), /a stream or socket \(PassThrough\)/],
    server: [net.createServer(), /Server/],
    hash: [createHash("md5"), /a stream or socket/],
    sharedMemory: [new SharedArrayBuffer(8), /SharedArrayBuffer.*copy it/],
    viewOfSharedMemory: [new Uint8Array(new SharedArrayBuffer(8)), /SharedArrayBuffer/],
    detachedBuffer: [detached, /detached/],
    formData: [new FormData(), /FormData/],
    response: [new Response("x"), /Response/],
    blob: [new Blob(["x"]), /Blob.*arrayBuffer/],
    abortSignal: [AbortSignal.abort(), /AbortSignal/],
    abortController: [new AbortController(), /AbortController/],
    eventTarget: [new EventTarget(), /EventTarget/],
    readableStream: [new ReadableStream(), /ReadableStream/],
    generator: [generate(), /Generator/],
    mapIterator: [new Map().entries(), /Map Iterator/],
    registry: [new FinalizationRegistry(() => {}), /FinalizationRegistry/],
  };

  for (const [name, [value, what]] of Object.entries(cases)) {
    it(`are refused with their path: ${name}`, () => {
      for (const holder of [
        { db: [1, 2, 3, { part: value }] },
        { error: new Error("x"), db: [1, 2, 3, { part: value }] },
      ]) {
        const error = refusal(holder);
        assert.equal(error.path, "result.db[3].part");
        assert.equal(error.code, "ASYNCCPU_NOT_SERIALIZABLE");
        assert.match(error.message, what);
      }
      assert.equal(refusal(value).path, "result");
      assert.throws(() => encodeArguments([1, [value]]), { name: "NotSerializableError", path: "args[1][0]" });
    });
  }

  it("are refused inside Maps, Sets, under odd keys, and as extra properties of arrays", () => {
    const bad = (): number => 1;
    assert.equal(refusal(new Map([["k", { a: bad }]])).path, 'result.get("k").a');
    assert.equal(refusal(new Map([[bad, 1]])).path.startsWith("result.keys("), true);
    assert.equal(refusal(new Set([1, bad])).path, "result.values()[1]");
    assert.equal(refusal({ "odd key": { 7: bad } }).path, 'result["odd key"]["7"]');
    assert.equal(refusal(Object.assign([1], { extra: bad })).path, "result.extra");
  });

  it("are refused when a getter throws, with what it threw as the cause", () => {
    const cause = new Error("no");
    const value = {
      list: [
        {
          get broken(): number {
            throw cause;
          },
        },
      ],
    };
    const error = refusal(value);
    assert.equal(error.path, "result.list[0].broken");
    assert.equal(error.cause, cause);
  });

  it("are refused when nested too deeply, whatever they hold", () => {
    for (const depth of [10_000, 1_000_000]) {
      let chain: object = { error: new Error("x") };
      let plain: object = {};
      for (let level = 0; level < depth; level++) {
        chain = { next: chain };
        plain = [plain];
      }
      for (const value of [chain, plain]) {
        const error = refusal(value);
        assert.equal(error.path, "result");
        assert.match(error.message, /nested too deeply/);
      }
    }
  });

  it("are told from the user's own classes of the same name", () => {
    class Headers {
      a = 1;
    }
    class Event {
      b = 2;
    }
    class Server {
      c = 3;
    }
    assert.deepStrictEqual(send<unknown>([new Headers(), new Event(), new Server()]), [{ a: 1 }, { b: 2 }, { c: 3 }]);
  });

  it("cost the value its own refusal only: the next one is sent", () => {
    refusal([() => 1]);
    assert.deepStrictEqual(send([1, { a: 2 }]), [1, { a: 2 }]);
  });
});
