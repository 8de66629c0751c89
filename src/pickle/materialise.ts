/**
 * Builds the values of a graph in the worker.
 *
 *     externals ─▶ empty objects, functions ─▶ contents and variables ─▶ classes, bound functions, ... ─▶ freezing
 *
 * Functions exist before their variables are set, so cycles through them are no trouble. A class does not: evaluating it
 * reads its heritage and static parts. So classes come one after the other, each after those that it reads, and
 * whatever held a place for one is filled again.
 */

import { compileFunctions } from "./factory-code.js";
import type { CompiledFunction } from "./factory-code.js";
import type { FactoryMember } from "./factory-registry.js";
import { createShell } from "./data-values.js";
import { fillItems } from "./data-values.js";
import { fillProperties } from "./data-values.js";
import type { CapturedVariable } from "./graph-format.js";
import type { DataNode } from "./graph-format.js";
import type { ExternalNode } from "./graph-format.js";
import type { FunctionNode } from "./graph-format.js";
import type { GraphNode } from "./graph-format.js";
import type { Link } from "./graph-format.js";
import type { ObjectParts } from "./graph-format.js";
import type { PickleGraph } from "./graph-format.js";
import { importValue } from "./import-value.js";
import { referrerOf } from "./import-value.js";
import { spendLoaderWarning } from "./import-value.js";
import { linksOf } from "./links.js";
import { rememberEvaluation } from "./provenance.js";
import { registerSourceMap } from "./source-maps.js";
import { classNamed } from "../wire/class-registry.js";
import { classVersion } from "../wire/class-registry.js";
import { decodeInstance } from "../wire/class-registry.js";
import { enterClass } from "../wire/enter-class.js";
import { rememberClasses } from "../wire/class-registry.js";
import type { AnyClass } from "../wire/class-registry.js";
import type { InstanceHooks } from "../wire/class-registry.js";

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

const EXTERNAL: ReadonlySet<string> = new Set([
  "symbol",
  "uniqueSymbol",
  "intrinsic",
  "global",
  "builtin",
  "import",
  "commonjs",
  "require",
  "importMeta",
  "importFunction",
  "interop",
] satisfies ExternalNode["kind"][]);

const DERIVED: ReadonlySet<string> = new Set(["bound", "prototypeOf", "member", "instance", "called", "evaluated"]);

function isExternal(node: GraphNode): node is ExternalNode {
  return EXTERNAL.has(node.kind);
}

function isData(node: GraphNode): node is DataNode {
  return !isExternal(node) && node.kind !== "function" && !DERIVED.has(node.kind);
}

/** The class that another pickle has brought before in the same state, or that a module of this process has registered. */
function registeredTwin({ registeredAs, version, isEntangled, source }: FunctionNode): unknown {
  const known = registeredAs === undefined ? undefined : classNamed(registeredAs);
  if (known === undefined) return undefined;
  const knownVersion = classVersion(known);
  if (knownVersion === undefined) return Function.prototype.toString.call(known) === source ? known : undefined;
  return isEntangled !== true && knownVersion === version ? known : undefined;
}

export class Materialiser {
  readonly #graph: PickleGraph;
  readonly #values: unknown[] = [];
  readonly #isReady: boolean[] = [];
  readonly #inProgress = new Set<number>();
  readonly #compiled = new Map<number, CompiledFunction>();
  readonly #setShared: (() => void)[] = [];
  /** What to fill again once a node exists. */
  readonly #waiters = new Map<number, Set<() => void>>();
  /** Registered classes, by name. */
  readonly #classes = new Map<string, AnyClass>();
  /** The shared variables that each function sees, beside its own. */
  readonly #sharedVariables = new Map<number, readonly CapturedVariable[]>();

  constructor(graph: PickleGraph) {
    this.#graph = graph;
  }

  /** Builds everything and gives the root. */
  async build(): Promise<unknown> {
    const { nodes, root } = this.#graph;
    for (const [index, node] of nodes.entries()) {
      if (isExternal(node)) this.#ready(index, await importValue(node));
    }
    for (const [index, node] of nodes.entries()) if (isData(node)) this.#createData(index);
    this.#compileAll();
    for (const [index, node] of nodes.entries()) {
      if (node.kind === "function" && !node.isClass) this.#evaluateFunction(index, node);
    }
    for (const [index, node] of nodes.entries()) if (isData(node)) this.#fillData(index, node);
    for (const setShared of this.#setShared) setShared();
    for (const [index, node] of nodes.entries()) if (node.kind === "function") this.#fillVariables(index, node);
    for (const index of nodes.keys()) {
      if (!(await this.#settle(index))) {
        throw new Error("A class in the pickled function needs itself to be evaluated");
      }
    }
    for (const [index, node] of nodes.entries()) {
      if (!isExternal(node)) this.#fillParts(index, node, true);
      if (node.kind === "function" && node.registeredAs !== undefined) {
        this.#register(node.registeredAs, index, node.version);
      }
    }
    for (const [name, index] of this.#graph.classes ?? []) this.#register(name, index);
    const value = this.#resolve(root);
    if (this.#classes.size > 0 && typeof value === "function") rememberClasses(value, this.#classes);
    return value;
  }

  #register(name: string, index: number, version?: string): void {
    const value = this.#values[index];
    if (typeof value !== "function") return;
    const registered = value as unknown as AnyClass;
    enterClass(registered, name, version);
    this.#classes.set(name, registered);
  }

  #node(index: number): GraphNode {
    const node = this.#graph.nodes[index];
    if (node === undefined) throw new RangeError(`The pickle has no node ${index}`);
    return node;
  }

  #exists(index: number): boolean {
    return this.#isReady[index] === true;
  }

  #ready(index: number, value: unknown): void {
    this.#values[index] = value;
    this.#isReady[index] = true;
    const waiters = this.#waiters.get(index);
    this.#waiters.delete(index);
    for (const fillAgain of waiters ?? []) fillAgain();
  }

  #resolve(link: Link): unknown {
    return Array.isArray(link) ? this.#values[(link as readonly [number])[0]] : link;
  }

  /** Fills something in, and again whenever a value that it needs comes to exist. */
  #fill(fill: (resolve: (link: Link) => unknown) => void): void {
    const run = (): void => {
      fill((link) => {
        if (!Array.isArray(link)) return link;
        const [index] = link as readonly [number];
        if (!this.#exists(index)) {
          const waiters = this.#waiters.get(index) ?? new Set();
          this.#waiters.set(index, waiters.add(run));
        }
        return this.#values[index];
      });
    };
    run();
  }

  #createData(index: number): void {
    if (this.#exists(index)) return;
    const node = this.#node(index) as DataNode;
    // A view needs its buffer first; nothing else needs anything.
    if (node.kind === "view" && Array.isArray(node.buffer)) this.#createData((node.buffer as readonly [number])[0]);
    this.#ready(
      index,
      createShell(node, (link) => this.#resolve(link)),
    );
  }

  #describe(node: FunctionNode, shared: readonly CapturedVariable[]): Omit<FactoryMember, "start" | "end" | "origin"> {
    const variables = [...node.variables, ...shared].filter(({ isReassigned }) => !isReassigned);
    const externals = new Map<string, ExternalNode>();
    for (const { name, link } of variables) {
      const target = Array.isArray(link) ? this.#node((link as readonly [number])[0]) : undefined;
      if (target !== undefined && isExternal(target)) externals.set(name, target);
    }
    return { isStrict: node.isStrict, externals, constants: new Set(variables.map(({ name }) => name)) };
  }

  #compileAll(): void {
    const { nodes, shared } = this.#graph;
    const indexes = nodes.flatMap((node, index) => (node.kind === "function" ? [index] : []));
    if (indexes.length > 0) spendLoaderWarning();
    for (const [url, sourceMapUrl] of this.#graph.sourceMapUrls ?? []) registerSourceMap(url, sourceMapUrl);
    const grouped = new Set(shared.flatMap(({ functions }) => functions));
    for (const { functions, variables } of shared) this.#compile(functions, variables);
    for (const index of indexes) if (!grouped.has(index)) this.#compile([index], []);
  }

  #compile(indexes: readonly number[], shared: readonly CapturedVariable[]): void {
    const nodes = indexes.map((index) => {
      const node = this.#node(index) as FunctionNode;
      return { ...node, url: referrerOf(node.url) };
    });
    const { setShared, functions } = compileFunctions(nodes, shared, (node, variables) =>
      this.#describe(node, variables),
    );
    for (const [place, index] of indexes.entries()) {
      const compiled = functions[place];
      if (compiled !== undefined) this.#compiled.set(index, compiled);
      this.#sharedVariables.set(index, shared);
    }
    this.#setShared.push(() => {
      this.#fill((resolve) => {
        setShared(shared.map(({ link }) => resolve(link)));
      });
    });
  }

  #evaluateFunction(index: number, node: FunctionNode): void {
    // A registered class exists once in a process for as long as it is unchanged: its instances are to be told by `instanceof`.
    let value = (registeredTwin(node) ?? this.#compiled.get(index)?.evaluate()) as AnyFunction;
    if (node.form === "method" || node.form === "getter" || node.form === "setter") {
      const [key = ""] = Reflect.ownKeys(value);
      const descriptor = Object.getOwnPropertyDescriptor(value, key);
      const part = node.form === "method" ? "value" : node.form === "getter" ? "get" : "set";
      value = descriptor?.[part] as AnyFunction;
    }
    if (node.name !== undefined && value.name !== node.name) {
      Object.defineProperty(value, "name", { value: node.name, configurable: true });
    }
    this.#ready(index, value);
    this.#fillParts(index, node, false);
  }

  #fillVariables(index: number, node: FunctionNode): void {
    const compiled = this.#compiled.get(index);
    this.#fill((resolve) => {
      compiled?.setVariables(node.variables.map(({ link }) => resolve(link)));
    });
  }

  #fillData(index: number, node: DataNode): void {
    this.#fill((resolve) => {
      fillItems(this.#values[index] as object, node, resolve);
    });
    this.#fillParts(index, node, false);
  }

  #fillParts(index: number, parts: ObjectParts, isFinal: boolean): void {
    const object = this.#values[index] as object;
    if (parts.proto !== undefined) {
      this.#fill((resolve) => {
        const prototype = resolve(parts.proto) as object | null | undefined;
        if (prototype !== undefined) Object.setPrototypeOf(object, prototype);
      });
    }
    // All is said already unless something becomes read-only.
    const isSaid = parts.integrity === undefined && !parts.properties?.some(([, , flags]) => flags !== undefined);
    if (isFinal && isSaid) return;
    if (parts.properties === undefined && !isFinal) return;
    this.#fill((resolve) => {
      fillProperties(object, parts, resolve, isFinal);
    });
  }

  #isBeingMade(link: Link): boolean {
    return Array.isArray(link) && this.#inProgress.has((link as readonly [number])[0]);
  }

  /** What must exist before a node can be made. */
  #needs(index: number): Link[] {
    const node = this.#node(index);
    if (node.kind === "function") {
      // A variable that is assigned to may well be the class's own work: what compilers make of a decorated class begins with it.
      return [...node.variables, ...(this.#sharedVariables.get(index) ?? [])]
        .filter(({ isEager, isReassigned, link }) => isEager && !(isReassigned && this.#isBeingMade(link)))
        .map(({ link }) => link);
    }
    if (node.kind === "bound") return [node.target, node.boundThis, ...node.boundArgs];
    if (node.kind === "called") return [node.of, ...node.args];
    if (node.kind === "instance") return [node.of, node.plain];
    return "of" in node ? [node.of] : [];
  }

  /** Makes a class, bound function or the like; false when it waits for one that is being made. */
  async #settle(index: number): Promise<boolean> {
    if (this.#exists(index)) return true;
    if (this.#inProgress.has(index)) return false;
    this.#inProgress.add(index);
    try {
      const needs = this.#needs(index).flatMap((link) =>
        Array.isArray(link) ? [(link as readonly [number])[0]] : [],
      );
      for (const need of needs) if (!(await this.#settle(need))) return false;
      // What these use in turn should exist too, but in a cycle it can't.
      for (const reached of this.#reachable(needs)) await this.#settle(reached);
      // It may have been made on that way.
      if (!this.#exists(index)) await this.#make(index, this.#node(index));
      return true;
    } finally {
      this.#inProgress.delete(index);
    }
  }

  /** Nodes not yet made that are reached from others through functions and data. */
  #reachable(from: readonly number[]): number[] {
    const seen = new Set(from);
    for (const index of seen) {
      for (const link of linksOf(this.#node(index))) seen.add(link);
      for (const { link } of this.#sharedVariables.get(index) ?? []) {
        if (Array.isArray(link)) seen.add((link as readonly [number])[0]);
      }
    }
    return [...seen].filter((index) => !this.#exists(index));
  }

  async #make(index: number, node: GraphNode): Promise<void> {
    if (node.kind === "function") {
      this.#evaluateFunction(index, node);
      return;
    }
    if (node.kind === "bound") {
      const args = node.boundArgs.map((link) => this.#resolve(link));
      this.#ready(index, (this.#resolve(node.target) as AnyFunction).bind(this.#resolve(node.boundThis), ...args));
      this.#fillParts(index, node, false);
      return;
    }
    if (node.kind === "prototypeOf") {
      this.#ready(index, (this.#resolve(node.of) as AnyFunction).prototype);
      this.#fillParts(index, node, false);
    } else if (node.kind === "member") {
      const value = node.path.reduce<unknown>(
        (owner, name) => Object.getOwnPropertyDescriptor(owner, name)?.value as unknown,
        this.#resolve(node.of),
      );
      this.#ready(index, value);
      this.#fillParts(index, node, false);
    } else if (node.kind === "instance") {
      const made = this.#resolve(node.of) as InstanceHooks;
      this.#ready(index, made[decodeInstance](this.#resolve(node.plain)));
    } else if (node.kind === "called") {
      this.#ready(index, (this.#resolve(node.of) as AnyFunction)(...node.args.map((link) => this.#resolve(link))));
      this.#fillParts(index, node, false);
    } else if (node.kind === "evaluated") {
      const initialiser = this.#resolve(node.of) as () => unknown;
      const value = await initialiser();
      rememberEvaluation(value, initialiser);
      this.#ready(index, value);
    }
  }
}
