/**
 * A debugger for tests: a client of the protocol that `node --inspect` speaks, as an editor is one.
 *
 * Node 20 has no WebSocket, so this speaks as much of RFC 6455 as it takes: short text frames out, whole text frames
 * in.
 */

import { once } from "node:events";
import { randomBytes } from "node:crypto";
import net from "node:net";

/** What the debugger was told. */
export interface InspectorEvent {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

interface Answer {
  readonly id?: number;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

const TEXT_FRAME = 0x81;
const MASKED = 0x80;
const LIMIT_MS = 30_000;

export class InspectorClient implements Disposable {
  /** Everything that came, in its order. */
  readonly events: InspectorEvent[] = [];
  readonly #socket: net.Socket;
  readonly #answers = new Map<number, (answer: Answer) => void>();
  readonly #listeners = new Set<() => void>();
  #received = Buffer.alloc(0);
  #lastId = 0;
  #isOpen = false;

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
  }

  /** Connects to the `ws://` URL that a program under `--inspect` prints. */
  static async connect(url: string): Promise<InspectorClient> {
    const { hostname, port, pathname, host } = new URL(url);
    const socket = net.connect(Number(port), hostname);
    await once(socket, "connect");
    const client = new InspectorClient(socket);
    socket.write(
      [
        `GET ${pathname} HTTP/1.1`,
        `Host: ${host}`,
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
        "\r\n",
      ].join("\r\n"),
    );
    await client.#until(() => client.#isOpen);
    return client;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  /** Posts a command and gives its answer. */
  async post(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#lastId;
    const answered = new Promise<Answer>((resolve) => this.#answers.set(id, resolve));
    this.#write(JSON.stringify({ id, method, params }));
    const { result, error } = await answered;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  }

  /** Waits until there is an event of this kind from the given index on, and gives the first one. */
  async event(method: string, from = 0): Promise<InspectorEvent> {
    const find = (): InspectorEvent | undefined => this.events.slice(from).find((each) => each.method === method);
    await this.#until(() => find() !== undefined);
    return find() as InspectorEvent;
  }

  /** How many events of this kind there were from the given index on. */
  count(method: string, from = 0): number {
    return this.events.slice(from).filter((each) => each.method === method).length;
  }

  #until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("The inspector did not answer.")), LIMIT_MS);
      const check = (): void => {
        if (!isSo()) return;
        clearTimeout(timer);
        this.#listeners.delete(check);
        resolve();
      };
      this.#listeners.add(check);
      check();
    });
  }

  #write(text: string): void {
    const payload = Buffer.from(text);
    const head = Buffer.alloc(8);
    head[0] = TEXT_FRAME;
    head[1] = MASKED | 126;
    head.writeUInt16BE(payload.length, 2);
    // A mask of zeros leaves the payload as it is.
    this.#socket.write(Buffer.concat([head, payload]));
  }

  #read(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    if (!this.#isOpen) {
      const end = this.#received.indexOf("\r\n\r\n");
      if (end < 0) return;
      this.#received = this.#received.subarray(end + 4);
      this.#isOpen = true;
    }
    for (let text = this.#takeFrame(); text !== undefined; text = this.#takeFrame()) this.#receive(text);
    for (const listener of this.#listeners) listener();
  }

  #takeFrame(): string | undefined {
    const received = this.#received;
    if (received.length < 2) return undefined;
    let length = received.readUInt8(1);
    let start = 2;
    if (length === 126 && received.length >= 4) [length, start] = [received.readUInt16BE(2), 4];
    else if (length === 127 && received.length >= 10) [length, start] = [Number(received.readBigUInt64BE(2)), 10];
    else if (length > 125) return undefined;
    if (received.length < start + length) return undefined;
    this.#received = received.subarray(start + length);
    return received.toString("utf8", start, start + length);
  }

  #receive(text: string): void {
    const message = JSON.parse(text) as Answer & InspectorEvent;
    if (message.id === undefined) {
      this.events.push({ method: message.method, params: message.params });
      return;
    }
    this.#answers.get(message.id)?.(message);
    this.#answers.delete(message.id);
  }
}
