/** Servers of which one takes the place of another: with a sentinel, and in a cluster. */

import { execFile } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { promisify } from "node:util";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { writeFileSync } from "node:fs";
import path from "node:path";

import { RedisServer } from "./redis-server.js";
import { RunningProgram } from "./process-family.js";
import { findFreePort } from "./redis-server.js";
import { waitUntil } from "./wait-until.js";

/** Else a primary waits 5 s for more replicas before it sends its data to the first one. */
const AT_ONCE = ["--repl-diskless-sync-delay", "0"];

const PRIMARIES = 3;

/** Starts a server that may have replicas, or is one. */
export function startReplicating(primary?: RedisServer): Promise<RedisServer> {
  const place = primary === undefined ? [] : ["--replicaof", "127.0.0.1", String(primary.port)];
  return RedisServer.start(false, () => [...AT_ONCE, ...place]);
}

/** Starts a server of a cluster, which no other one knows yet. */
export async function startClusterNode(): Promise<RedisServer> {
  // By itself it takes its port + 10,000, which may be none.
  const busPort = await findFreePort();
  const cluster = [
    "--cluster-enabled",
    "yes",
    "--cluster-port",
    String(busPort),
    "--cluster-announce-ip",
    "127.0.0.1",
  ];
  return RedisServer.start(false, () => [...AT_ONCE, ...cluster, "--cluster-node-timeout", "1500"]);
}

/** A sentinel that is alone, and calls the primary that it watches "main". */
export class RedisSentinel implements AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number };
  readonly #folder: string;
  readonly #program: RunningProgram;

  private constructor(watched: RedisServer, port: number) {
    this.address = { host: "127.0.0.1", port };
    this.#folder = mkdtempSync(path.join(tmpdir(), "asynccpu-sentinel-"));
    const file = path.join(this.#folder, "sentinel.conf");
    const lines = [
      `port ${port}`,
      "bind 127.0.0.1",
      `dir ${this.#folder}`,
      `sentinel monitor main 127.0.0.1 ${watched.port} 1`,
      "sentinel down-after-milliseconds main 1000",
      "sentinel failover-timeout main 3000",
    ];
    writeFileSync(file, lines.join("\n"));
    this.#program = new RunningProgram("", { command: "redis-server", args: [file, "--sentinel"] });
  }

  static async start(watched: RedisServer): Promise<RedisSentinel> {
    return new RedisSentinel(watched, await findFreePort());
  }

  /** Waits until it has told of something, such as `+switch-master main`. */
  async waitForEvent(event: RegExp): Promise<void> {
    await this.#program.waitForLine(event, 20_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program.dispose();
    rmSync(this.#folder, { recursive: true });
  }
}

/** Whether it serves all slots, knows all replicas, and is in step with its own replica or primary. */
async function isJoined(server: RedisServer): Promise<boolean> {
  const ask = async (...command: [string, string]): Promise<string> => String(await server.call(...command));
  const replicas = (await ask("CLUSTER", "NODES")).match(/\bslave\b/g) ?? [];
  return (
    (await ask("CLUSTER", "INFO")).includes("cluster_state:ok") &&
    replicas.length === PRIMARIES &&
    /master_link_status:up|state=online/.test(await ask("INFO", "replication"))
  );
}

/** A cluster of three primaries with a replica each. */
export class RedisCluster implements AsyncDisposable {
  readonly #servers: RedisServer[] = [];

  /** Starts all, and waits until they know each other. */
  async start(): Promise<void> {
    for (let node = 0; node < 2 * PRIMARIES; node += 1) this.#servers.push(await startClusterNode());
    const addresses = this.#servers.map(({ port }) => `127.0.0.1:${port}`);
    const args = ["--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes"];
    await promisify(execFile)("redis-cli", args, { timeout: 30_000 });
    for (const server of this.#servers) await waitUntil(() => isJoined(server), { what: "a cluster" });
  }

  get addresses(): readonly { readonly host: string; readonly port: number }[] {
    return this.#servers.map(({ port }) => ({ host: "127.0.0.1", port }));
  }

  /** The primary that has a key, or would have it. */
  async primaryOf(key: string): Promise<RedisServer> {
    const [first] = this.#servers;
    const slot = Number(await first?.call("CLUSTER", "KEYSLOT", key));
    const ranges = (await first?.call("CLUSTER", "SLOTS")) as [number, number, [string, number]][];
    const range = ranges.find(([from, to]) => from <= slot && slot <= to);
    const primary = this.#servers.find(({ port }) => port === range?.[2][1]);
    if (primary === undefined) throw new Error(`No server has slot ${slot}.`);
    return primary;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) await server[Symbol.asyncDispose]();
  }
}
