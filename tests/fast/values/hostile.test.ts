import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { createSecretKey } from "node:crypto";
import { generateKeyPairSync } from "node:crypto";
import { writeSync } from "node:fs";
import { BlockList } from "node:net";
import { SocketAddress } from "node:net";
import { describe } from "node:test";
import { it } from "node:test";

import { ProcessPoolExecutor } from "../../../src/index.js";
import { ProtocolError } from "../../../src/index.js";
import { registerClass } from "../../../src/index.js";
import { LiveSession } from "../../../src/live/session.js";
import { WINDOW_BYTES } from "../../../src/live/session.js";
import { acceptLive } from "../../../src/live/accept.js";
import { creditOf } from "../../../src/live/session.js";
import { decodeValue } from "../../../src/values/codec.js";
import { encodeThrown } from "../../../src/values/thrown.js";
import { encodeToParent } from "../../../src/wire/messages/message-codec.js";
import { encodeValue } from "../../../src/values/codec.js";
import { referenceToFunction } from "../../../src/pickle/function-reference.js";
import { resolveReference } from "../../../src/pickle/function-reference.js";
import { FIRST_RESULT_CHANNEL } from "../../../src/wire/messages/protocol.js";
import { LIVE_OP } from "../../../src/wire/messages/protocol.js";
import { LIVE_KIND } from "../../../src/live/offers.js";
import { LiveOffers } from "../../../src/live/offers.js";
import { waitUntil } from "../../testlibraries/wait-until.js";
import type { LiveOp } from "../../../src/wire/messages/protocol.js";
import type { ValueReader } from "../../../src/values/classes/value-writer.js";
import type { ValueWriter } from "../../../src/values/classes/value-writer.js";

/** mulberry32: the same numbers on every run. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

class Point {
  x = 1;
}
registerClass(Point, { name: "test.HostilePoint" });

function makeSession(): LiveSession {
  return new LiveSession(() => {});
}

/** As a parent reads. */
function makeReader(): ValueReader {
  const session = makeSession();
  return {
    readFunction: resolveReference,
    accept: (plain) => acceptLive(plain, session, FIRST_RESULT_CHANNEL),
  };
}

/** As a worker writes. */
function makeWriter(): ValueWriter {
  const offers = new LiveOffers(FIRST_RESULT_CHANNEL, true);
  offers.addContents(new Map([[blob, new ArrayBuffer(4)]]));
  return { writeFunction: (fn) => referenceToFunction(fn), offer: (object) => offers.offer(object) };
}

const blob = new Blob(["text"], { type: "text/plain" });
const { publicKey } = generateKeyPairSync("ed25519");
const list = new BlockList();
list.addSubnet("10.0.0.0", 8);

const samples: readonly Uint8Array[] = [
  [Symbol.iterator, Symbol.for("x"), new Map([[Symbol.for("k"), new Set([Symbol.asyncIterator])]])],
  { url: new URL("http://a/b"), params: new URLSearchParams("a=1"), headers: new Headers({ a: "b" }) },
  [createSecretKey(Buffer.from("secret")), createPublicKey(publicKey.export({ type: "spki", format: "pem" })), list],
  [new SocketAddress({ address: "1.2.3.4", port: 5 }), new Point(), [new Point()]],
  { fn: Math.max, streams: [new ReadableStream(), new WritableStream()], signal: AbortSignal.abort(1), blob },
].map((value) => encodeValue(value, "value", { writer: makeWriter() }));

/** Whether it was taken for a value; whatever is thrown must be an Error. */
async function survives(bytes: Uint8Array): Promise<boolean> {
  try {
    await decodeValue(bytes, makeReader());
    return true;
  } catch (error) {
    assert.ok(error instanceof Error);
    return false;
  }
}

describe("encodings of the richer forms", () => {
  it("give a value or an error when they were changed", async () => {
    for (const sample of samples) assert.equal(await survives(sample), true);
    const random = seeded(7);
    const before = process.memoryUsage.rss();
    let refused = 0;
    for (let round = 0; round < 8000; round++) {
      const bytes = Uint8Array.from(samples[round % samples.length] as Uint8Array);
      for (let changes = random(3); changes >= 0; changes--) bytes[random(bytes.length)] = random(256);
      if (!(await survives(bytes))) refused += 1;
    }
    assert.ok(refused > 1000 && refused < 8000, `${refused} refused`);
    assert.ok(process.memoryUsage.rss() - before < 512 * 1024 * 1024);
    assert.equal(Reflect.get({}, "polluted"), undefined);
  });

  it("give an error when they were cut short", async () => {
    for (const sample of samples) {
      for (let length = 0; length < sample.length; length++) {
        assert.equal(await survives(sample.subarray(0, length)), false);
      }
    }
  });

  it("can't bring live values that belong to others, twice, or of unknown kinds", () => {
    const first = FIRST_RESULT_CHANNEL;
    for (const forged of [
      undefined,
      [],
      [LIVE_KIND.webReadable],
      [LIVE_KIND.webReadable, 0],
      [LIVE_KIND.webReadable, first - 1],
      [LIVE_KIND.webReadable, first + 0.5],
      [LIVE_KIND.webReadable, 2 ** 53],
      [LIVE_KIND.webReadable, String(first)],
      [LIVE_KIND.nodeDuplex, first, first],
      [LIVE_KIND.blob, "text", "type"],
      [LIVE_KIND.blob, new ArrayBuffer(1), 5],
      [LIVE_KIND.abortedSignal, "reason"],
      [99, first],
      ["__proto__", first],
    ]) {
      assert.throws(() => acceptLive(forged, makeSession(), first), Error);
    }
    const session = makeSession();
    acceptLive([LIVE_KIND.webReadable, first], session, first);
    assert.throws(() => acceptLive([LIVE_KIND.webReadable, first], session, first), ProtocolError);
    assert.throws(() => acceptLive([LIVE_KIND.webReadable, first], undefined, first), Error);
  });
});

describe("messages of live values", () => {
  it("that don't fit are protocol errors, and nothing else; what is kept stays within the window", async () => {
    const random = seeded(11);
    const payloads = [
      encodeValue("chunk", "chunk"),
      encodeValue(Buffer.alloc(50_000), "chunk"),
      encodeThrown(new Error("x")),
      creditOf(1000),
      creditOf(0xffff_ffff),
      new Uint8Array(0),
      Uint8Array.of(0xff, 0x0f, 1, 2),
    ];
    const ops = Object.values(LIVE_OP);
    let errors = 0;
    for (let round = 0; round < 300; round++) {
      const session = makeSession();
      const readable = acceptLive([LIVE_KIND.webReadable, 0], session, 0) as ReadableStream;
      const writable = acceptLive([LIVE_KIND.webWritable, 1], session, 0) as WritableStream;
      acceptLive([LIVE_KIND.signal, 2], session, 0);
      const offers = new LiveOffers(10);
      offers.offer(new ReadableStream());
      offers.offer(new WritableStream());
      offers.start(session);
      const reading = readable
        .getReader()
        .read()
        .catch(() => {});
      const writing = writable
        .getWriter()
        .write("x")
        .catch(() => {});
      for (let step = 0; step < 40; step++) {
        const channel = [0, 1, 2, 10, 11, 12][random(6)] as number;
        try {
          session.receive(channel, ops[random(ops.length)] as LiveOp, payloads[random(payloads.length)] as Uint8Array);
        } catch (error) {
          assert.ok(error instanceof ProtocolError, String(error));
          errors += 1;
        }
      }
      session.close(new Error("over"));
      await Promise.all([reading, writing]);
    }
    assert.ok(errors > 300, `${errors} errors`);
  });

  it("can't send more than there is credit for", async () => {
    const session = makeSession();
    const readable = acceptLive([LIVE_KIND.webReadable, 0], session, 0) as ReadableStream;
    const chunk = encodeValue(Buffer.alloc(100_000), "chunk");
    assert.throws(() => session.receive(0, LIVE_OP.chunk, chunk), ProtocolError, "nobody has read yet");
    const reader = readable.getReader();
    const first = reader.read();
    // The stream asks for more in a turn of its own.
    await new Promise(setImmediate);
    let sent = 0;
    assert.throws(() => {
      for (;;) {
        session.receive(0, LIVE_OP.chunk, chunk);
        sent += 1;
      }
    }, ProtocolError);
    assert.ok(sent * 100_000 < WINDOW_BYTES + 2 * 110_000, `${sent} chunks`);
    assert.equal(((await first) as { value: Buffer }).value.length, 100_000);
  });

  it("can't be granted more than their window, which would have all of a stream read at once", async () => {
    const session = makeSession();
    let pulled = 0;
    const stream = new ReadableStream(
      {
        pull: (controller) => {
          pulled += 1;
          controller.enqueue(new Uint8Array(100_000));
        },
      },
      { highWaterMark: 0 },
    );
    const offers = new LiveOffers(10);
    offers.offer(stream);
    offers.start(session);
    assert.throws(() => session.receive(10, LIVE_OP.credit, creditOf(WINDOW_BYTES + 1)), ProtocolError);
    assert.throws(() => session.receive(10, LIVE_OP.credit, creditOf(0xffff_ffff)), ProtocolError);
    session.receive(10, LIVE_OP.credit, creditOf(WINDOW_BYTES));
    assert.throws(() => session.receive(10, LIVE_OP.credit, creditOf(1)), ProtocolError);
    await waitUntil(() => pulled * 100_000 >= WINDOW_BYTES, { what: "what the window lets be read" });
    await new Promise(setImmediate);
    assert.ok(pulled * 100_000 < WINDOW_BYTES + 110_000, `${pulled} chunks`);
    acceptLive([LIVE_KIND.webWritable, 1], session, 0);
    assert.throws(() => session.receive(1, LIVE_OP.credit, creditOf(1)), ProtocolError, "nothing was written yet");
    session.close(new Error("over"));
  });

  it("that a worker grants itself too much for end it, too", async () => {
    const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
    const credit = {
      kind: "live",
      taskId: 1,
      channel: 0,
      op: LIVE_OP.credit,
      payload: creditOf(0xffff_ffff),
    } as const;
    const bytes = Buffer.concat(encodeToParent(credit));
    const future = executor.submit(
      async (frame: Buffer, _stream: ReadableStream) => {
        writeSync(4, frame);
        await new Promise(() => {});
      },
      bytes,
      new ReadableStream({ pull: (controller) => controller.close() }, { highWaterMark: 0 }),
    );
    assert.ok((await future.exception()) instanceof ProtocolError);
    assert.equal(await executor.submit(() => 1), 1);
    await executor.shutdown();
  });

  it("of a worker that sends nonsense end it, and its task fails with a ProtocolError", async () => {
    const message = {
      kind: "live",
      taskId: 1,
      channel: 5,
      op: LIVE_OP.chunk,
      payload: encodeValue(1, "chunk"),
    } as const;
    for (const forged of [message, { ...message, taskId: 77 }, { ...message, op: LIVE_OP.closed }]) {
      const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
      const bytes = Buffer.concat(encodeToParent(forged));
      const future = executor.submit(async (frame: Buffer) => {
        writeSync(4, frame);
        await new Promise(() => {});
      }, bytes);
      assert.ok((await future.exception()) instanceof ProtocolError);
      assert.equal(await executor.submit(() => 1), 1);
      await executor.shutdown();
    }
  });
});
