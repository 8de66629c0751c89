/** A Redis for tests: that of `REDIS_URL`, or a server of their own. */

import { createServer } from "node:net";
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ChildProcess } from "node:child_process";

import { Redis } from "ioredis";

import { waitUntil } from "./wait-until.js";

const HOW =
  "Set REDIS_URL, or install redis-server (Debian: apt-get install redis-server; macOS: brew install redis).";

const INSTALL =
  "command -v redis-server || " +
  "{ apt-get update -q && apt-get install -y -q --no-install-recommends redis-server; }";

function has(command: string): boolean {
  try {
    execFileSync(command, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** @throws Error when there is no redis-server, and none can be installed. */
function ensureInstalled(): void {
  if (has("redis-server")) return;
  if (process.getuid?.() !== 0 || !has("apt-get")) throw new Error(`These tests need Redis. ${HOW}`);
  // In runlevel 1 the package starts no server of its own.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  try {
    // Files of tests run at the same time, and apt-get does not wait for another one.
    execFileSync("flock", [path.join(tmpdir(), "asynccpu-apt.lock"), "sh", "-c", INSTALL], {
      env,
      stdio: "ignore",
      timeout: 300_000,
    });
  } catch (error) {
    throw new Error(`These tests need Redis, and apt-get could not install it. ${HOW}`, { cause: error });
  }
}

/** A port that nobody listens at. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("No port.");
  return address.port;
}

/** A running Redis. */
export class RedisServer implements AsyncDisposable {
  readonly url: string;
  #process: ChildProcess | undefined;
  readonly #folder: string;
  readonly #args: readonly string[];

  private constructor(url: string, folder: string, args: readonly string[]) {
    this.url = url;
    this.#folder = folder;
    this.#args = args;
  }

  /** The one of `REDIS_URL`, or a new one. */
  static async forTests(): Promise<RedisServer> {
    const url = process.env["REDIS_URL"];
    if (url !== undefined && url !== "") return new RedisServer(url, "", []);
    return RedisServer.start();
  }

  /**
   * @param keepsData - Whether it has its data again after a restart.
   * @param moreArgs - Come last, so they count.
   */
  static async start(
    keepsData = false,
    moreArgs: (port: number) => readonly string[] = () => [],
  ): Promise<RedisServer> {
    ensureInstalled();
    const port = await findFreePort();
    const folder = mkdtempSync(path.join(tmpdir(), "asynccpu-redis-"));
    const persistence = keepsData ? ["--appendonly", "yes", "--appendfsync", "always"] : ["--appendonly", "no"];
    const place = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder];
    const server = new RedisServer(`redis://127.0.0.1:${port}`, folder, [
      ...place,
      "--save",
      "",
      ...persistence,
      ...moreArgs(port),
    ]);
    await server.resume();
    return server;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** How it is reached on another address. */
  urlAt(address: string): string {
    return this.url.replace("127.0.0.1", address);
  }

  /** Starts it, at first or again, and waits until it answers. */
  async resume(): Promise<void> {
    // It ends with a file of tests that is ended, and holds none of its streams open: the runner would wait for it.
    const [command, args] = has("setpriv")
      ? ["setpriv", ["--pdeathsig", "KILL", "redis-server"]]
      : ["redis-server", []];
    this.#process = spawn(command, [...args, ...this.#args], { stdio: ["ignore", "pipe", "ignore"] });
    let output = "";
    this.#process.stdout?.setEncoding("utf8").on("data", (text: string) => (output += text));
    await waitUntil(() => output.includes("Ready to accept connections"), { what: "a Redis that answers" });
  }

  /** Runs a command, by a connection of its own. */
  async call(command: string, ...args: readonly (string | number)[]): Promise<unknown> {
    const client = new Redis(this.url);
    try {
      return await client.call(command, ...args);
    } finally {
      client.disconnect();
    }
  }

  /** Has it stand still like a machine that has lost its power: no connection is closed. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  /** Has it go on. */
  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    if (this.#folder !== "") rmSync(this.#folder, { recursive: true, force: true });
  }
}
