/** A way to a server that can be cut and healed, as a network does. */

import { connect } from "node:net";
import { createServer } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Server } from "node:net";
import type { Socket } from "node:net";

/** How a link is cut: silently, as packets that nobody delivers; or so that both sides see their connections end. */
export type LinkCut = "silent" | "reset";

/** Forwards connections to a server. */
export class TcpLink implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: URL;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  /** Those that came while it was cut silently. */
  #waiting: Socket[] = [];
  /** Ends of connections whose other end went away meanwhile. */
  #orphans: Socket[] = [];
  #cut: LinkCut | undefined;

  private constructor(server: Server, target: URL) {
    this.#server = server;
    this.#target = target;
    server.on("connection", (socket: Socket) => this.#take(socket));
  }

  /** @param url - Where it leads. */
  static async to(url: string): Promise<TcpLink> {
    const server = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
    await once(server, "listening");
    return new TcpLink(server, new URL(url));
  }

  /** The URL that leads through it. */
  get url(): string {
    const url = new URL(this.#target);
    url.hostname = "127.0.0.1";
    url.port = String((this.#server.address() as AddressInfo).port);
    return url.href;
  }

  #take(socket: Socket): void {
    socket.on("error", () => {});
    if (this.#cut === "reset") socket.destroy();
    else if (this.#cut === "silent") this.#waiting.push(socket);
    else this.#join(socket);
  }

  #join(socket: Socket): void {
    const other = connect({ port: Number(this.#target.port), host: this.#target.hostname });
    other.on("error", () => {});
    const pair = [socket, other] as const;
    this.#pairs.add(pair);
    const end = (): void => {
      this.#pairs.delete(pair);
      // The other end doesn't hear of it while the link is cut.
      if (this.#cut === "silent") this.#orphans.push(...pair);
      else for (const each of pair) each.destroy();
    };
    for (const each of pair) each.once("close", end);
    socket.pipe(other).pipe(socket);
  }

  /** Nothing goes through any more. What is on its way waits ("silent"), or is lost ("reset"). */
  cut(cut: LinkCut): void {
    this.#cut = cut;
    for (const [one, other] of this.#pairs) {
      if (cut === "reset") one.destroy();
      else {
        one.unpipe(other).pause();
        other.unpipe(one).pause();
      }
    }
  }

  /** All goes through again. */
  heal(): void {
    this.#cut = undefined;
    for (const [one, other] of this.#pairs) one.pipe(other).pipe(one);
    for (const socket of this.#orphans.splice(0)) socket.destroy();
    for (const socket of this.#waiting.splice(0)) if (!socket.destroyed) this.#join(socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.cut("reset");
    for (const socket of [...this.#orphans, ...this.#waiting]) socket.destroy();
    await once(this.#server, "close");
  }
}
