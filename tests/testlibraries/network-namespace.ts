/** A network of its own on this machine, with one cable to the rest of it: Linux, root and iproute2. */

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { spawnSync } from "node:child_process";

function run(command: string, ...args: readonly string[]): void {
  execFileSync(command, args, { stdio: ["ignore", "ignore", "pipe"] });
}

/** A namespace with a pair of virtual interfaces: one inside, one outside. */
export class NetworkNamespace implements AsyncDisposable {
  readonly #name: string;
  readonly #outer: string;
  /** Of the end outside, where a server may listen. */
  readonly outerAddress: string;
  readonly #innerAddress: string;

  private constructor() {
    const mark = randomBytes(4).toString("hex");
    const [high = 0, low = 0] = randomBytes(2);
    this.#name = `asynccpu-${mark}`;
    this.#outer = `ac${mark}o`;
    // A network of four addresses, among those that are for tests (198.18.0.0/15).
    const base = `198.18.${high}`;
    const first = low & 0xfc;
    this.outerAddress = `${base}.${first + 1}`;
    this.#innerAddress = `${base}.${first + 2}`;
  }

  /** Why there can't be one here; `undefined` when there can. */
  static whatIsMissing(): string | undefined {
    if (process.platform !== "linux" || process.getuid?.() !== 0) return "network namespaces need root on Linux";
    if (spawnSync("ip", ["-V"]).status !== 0) return "network namespaces need the package iproute2";
    const probe = `asynccpu-probe-${randomBytes(4).toString("hex")}`;
    const { status, stderr } = spawnSync("ip", ["netns", "add", probe], { encoding: "utf8" });
    if (status !== 0) return `this machine forbids network namespaces: ${stderr.trim()}`;
    run("ip", "netns", "delete", probe);
    return undefined;
  }

  /** Makes one under a name that no other run has. */
  static create(): NetworkNamespace {
    const network = new NetworkNamespace();
    try {
      network.#open();
    } catch (error) {
      network.#remove();
      throw error;
    }
    return network;
  }

  #open(): void {
    const [name, outer] = [this.#name, this.#outer];
    const inner = outer.replace(/o$/, "i");
    run("ip", "netns", "add", name);
    run("ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", name);
    run("ip", "address", "add", `${this.outerAddress}/30`, "dev", outer);
    run("ip", "link", "set", outer, "up");
    run("ip", "-n", name, "address", "add", `${this.#innerAddress}/30`, "dev", inner);
    run("ip", "-n", name, "link", "set", inner, "up");
    run("ip", "-n", name, "link", "set", "lo", "up");
  }

  /** In front of a program and its arguments: it runs inside. */
  get commandPrefix(): readonly string[] {
    return ["ip", "netns", "exec", this.#name];
  }

  /** Pulls the cable, or puts it back: what is sent meanwhile is lost, and connections know nothing of it. */
  setLink(state: "up" | "down"): void {
    run("ip", "link", "set", this.#outer, state);
  }

  #remove(): void {
    // The interfaces go with it.
    spawnSync("ip", ["netns", "delete", this.#name]);
    spawnSync("ip", ["link", "delete", this.#outer]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#remove();
    return Promise.resolve();
  }
}
