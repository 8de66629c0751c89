import { Socket } from "node:net";
import type { OnReadOpts } from "node:net";
import type { Readable } from "node:stream";

/** A socket with the handle that libuv knows; undocumented. */
interface SocketWithHandle {
  _handle?: { readonly useUserBuffer?: unknown } | null;
}

/**
 * Takes a socket's connection over with a new one that reads straight into given memory: a stream of chunks would cost
 * an allocation of 64 KiB for each, and a copy of long ones. The old one is closed without effect. To be called before
 * anything can have come.
 *
 * @returns `undefined` when it is no socket that can do so; then nothing has happened.
 */
export function readDirectly(source: Readable, onread: OnReadOpts): Socket | undefined {
  const holder = source as SocketWithHandle;
  const handle = holder._handle;
  if (!(source instanceof Socket) || typeof handle?.useUserBuffer !== "function") return undefined;
  holder._handle = null;
  source.destroy();
  // The option `handle` is that which Node itself makes such sockets with; what newer types say of it is another use.
  const options: object = { handle, readable: true, writable: false, onread };
  return new Socket(options).unref();
}
