/**
 * Builds the values of a graph in the worker.
 *
 *     what is kept ─▶ externals ─▶ empty objects, functions ─▶ contents, variables ─▶ classes, bound functions, ... ─▶ freezing
 *
 * Functions exist before their variables are set, so cycles through them are no trouble. A class does not: evaluating
 * it reads its heritage and static parts. So classes come one after the other, each after those that it reads, and
 * whatever held a place for one is filled again.
 */

import type { CompiledFunction } from "./factory-code.js";
import type { Slots } from "./factory-code.js";
import { slotsOf } from "./factory-code.js";
import { BuiltValues } from "./built-values.js";
import { createShell } from "./data-values.js";
import { fillItems } from "./data-values.js";
import { fillProperties } from "./data-values.js";
import type { CapturedVariable } from "../graph/format.js";
import type { DataNode } from "../graph/format.js";
import type { DerivedNode } from "../graph/format.js";
import type { FunctionNode } from "../graph/format.js";
import type { GraphNode } from "../graph/format.js";
import type { Link } from "../graph/format.js";
import type { ObjectParts } from "../graph/format.js";
import type { PickleGraph } from "../graph/format.js";
import { FunctionMaker } from "./function-maker.js";
import { GraphView } from "../graph/view.js";
import { indexOf } from "../graph/view.js";
import { isExternal } from "../graph/view.js";
import { sourcesOf } from "../graph/links.js";
import { importValue } from "../refer/import-value.js";
import { ModuleState } from "./module-state.js";
import { rememberEvaluation } from "../refer/provenance.js";
import { WeakFiller } from "./weak-filler.js";
import type { WorkerModule } from "./worker-modules.js";
import type { WorkerModules } from "./worker-modules.js";
import { decodeInstance } from "../../values/classes/class-registry.js";
import { enterClass } from "../../values/errors/enter-class.js";
import { receivedWeakCollections } from "../../values/classes/weak-collections.js";
import type { AnyClass } from "../../values/classes/class-registry.js";
import type { InstanceHooks } from "../../values/classes/class-registry.js";

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

const DERIVED: ReadonlySet<string> = new Set(["bound", "prototypeOf", "member", "instance", "called", "evaluated"]);

function isData(node: GraphNode): node is DataNode {
  return !isExternal(node) && node.kind !== "function" && node.kind !== "members" && !DERIVED.has(node.kind);
}

function isWeak(node: GraphNode): node is DataNode & { readonly kind: "weakMap" | "weakSet" } {
  return node.kind === "weakMap" || node.kind === "weakSet";
}

/** Builds the values of one pickle. */
export class Materialiser {
  readonly #graph: PickleGraph;
  readonly #view: GraphView;
  readonly #maker: FunctionMaker;
  /** What the pickle says of modules. */
  readonly state: ModuleState;
  readonly #modules: readonly WorkerModule[];
  readonly #built = new BuiltValues();
  readonly #inProgress = new Set<number>();
  #compiled: ReadonlyMap<number, CompiledFunction> = new Map();
  /** Data that was made for this pickle now. */
  readonly #filled = new Set<number>();
  /** By function, the nodes that say what its prototype and its methods were given. */
  readonly #dependents = new Map<number, number[]>();
  readonly #weakFiller: WeakFiller;
  /** What is to be built: what is kept of the modules, and what only that needs, is not. */
  #needed: ReadonlySet<number> = new Set();

  /** @param root - What was built of the root before. */
  constructor(graph: PickleGraph, modules: WorkerModules, root?: object) {
    this.#graph = graph;
    this.#weakFiller = new WeakFiller(graph.weakEntries ?? [], (index) =>
      this.#built.has(index) ? (this.#built.get(index) as object) : undefined,
    );
    this.#modules = graph.modules.map(({ key }) => modules.module(key));
    this.#view = new GraphView(graph);
    this.#maker = new FunctionMaker(this.#view, this.#modules);
    this.state = new ModuleState(this.#view, this.#modules);
    const index = indexOf(graph.root);
    if (root !== undefined && index !== undefined) this.#built.add(index, root);
  }

  /** Builds what the worker has not, sets variables of modules, and gives the root. */
  async build(): Promise<unknown> {
    this.#keep();
    this.#needed = this.#findNeeded();
    for (const [index, node] of this.#unmade()) {
      if (isExternal(node)) this.#built.add(index, (await importValue(node)).value);
    }
    for (const [index] of this.#unmade()) this.#createData(index);
    this.#createFunctions();
    this.#fillContents();
    this.#setVariables();
    this.#weakFiller.fill((job) => this.#built.fill(job));
    for (const index of this.#needed) {
      if (!(await this.#settle(index))) {
        throw new Error("A class in the pickled function needs itself to be evaluated");
      }
    }
    this.#finish();
    this.state.finish(this.#compiled);
    return this.#built.resolve(this.#graph.root);
  }

  /** Compiles functions and classes, and makes the functions. */
  #createFunctions(): void {
    const functions = [...this.#unmade()].filter(
      (each): each is [number, FunctionNode] => each[1].kind === "function",
    );
    this.#compiled = this.#maker.compile(new Map(functions));
    for (const [index, node] of functions) if (!node.isClass) this.#evaluateFunction(index, node);
  }

  #fillContents(): void {
    for (const index of this.#needed) {
      const node = this.#view.node(index);
      if (isData(node)) this.#fillData(index, node);
      else if (node.kind === "function" && this.#built.has(index) && !this.#compiled.has(index)) {
        this.#fillParts(index, node, false);
      }
    }
  }

  /** Freezes, and registers classes. */
  #finish(): void {
    for (const index of this.#needed) {
      const node = this.#view.node(index);
      if (!isExternal(node) && node.kind !== "members") this.#fillParts(index, node, true);
      if (node.kind === "function" && node.registeredAs !== undefined) this.#register(node.registeredAs, index, true);
    }
    for (const [name, index] of this.#graph.classes ?? []) this.#register(name, index, false);
  }

  /** Takes what the worker keeps of its modules. */
  #keep(): void {
    for (const [index, value] of this.state.keep()) if (!this.#built.has(index)) this.#built.add(index, value);
    for (const [index, node] of this.#graph.nodes.entries()) {
      if (isWeak(node)) {
        const kept = receivedWeakCollections.get(node.id);
        if (kept !== undefined && !this.#built.has(index)) this.#built.add(index, kept);
      }
      if (node.kind !== "prototypeOf" && node.kind !== "member") continue;
      const of = indexOf(node.of) ?? -1;
      this.#dependents.set(of, [...(this.#dependents.get(of) ?? []), index]);
    }
  }

  #findNeeded(): Set<number> {
    const { root } = this.#graph;
    const classes = (this.#graph.classes ?? []).map(([, index]) => index);
    const from = [root, ...this.state.settings.map(({ entry }) => entry.link)].map(indexOf);
    const seen = new Set([...from, ...classes, ...this.state.given].filter((index) => index !== undefined));
    for (const index of this.#weakFiller.atFirst()) seen.add(index);
    for (const index of seen) {
      if (this.#built.has(index) && !this.state.given.has(index)) continue;
      for (const link of this.#weakFiller.with(index)) seen.add(link);
      for (const link of this.#view.linksFrom(index)) seen.add(link);
      for (const dependent of this.#dependents.get(index) ?? []) seen.add(dependent);
    }
    return new Set([...seen].toSorted((a, b) => a - b));
  }

  *#unmade(): Generator<[number, GraphNode]> {
    for (const index of this.#needed) if (!this.#built.has(index)) yield [index, this.#view.node(index)];
  }

  #register(name: string, index: number, isSent: boolean): void {
    const value = this.#built.get(index);
    if (typeof value === "function") enterClass(value as unknown as AnyClass, name, isSent);
  }

  #createData(index: number): void {
    if (this.#built.has(index)) return;
    const node = this.#view.node(index);
    if (node.kind === "members") {
      this.#built.add(index, this.#modules[node.module]?.membersOf(node.name));
      return;
    }
    if (!isData(node)) return;
    // A view needs its buffer first; nothing else needs anything.
    if (node.kind === "view" && Array.isArray(node.buffer)) this.#createData((node.buffer as readonly [number])[0]);
    this.#filled.add(index);
    const made = createShell(node, this.#built.resolve);
    if (isWeak(node)) receivedWeakCollections.add(node.id, made);
    this.#built.add(index, made);
  }

  #evaluateFunction(index: number, node: FunctionNode): void {
    const { form } = this.#view.codeOf(node);
    let value = this.#compiled.get(index)?.evaluate() as AnyFunction;
    if (form === "method" || form === "getter" || form === "setter") {
      const [key = ""] = Reflect.ownKeys(value);
      const descriptor = Object.getOwnPropertyDescriptor(value, key);
      const part = form === "method" ? "value" : form === "getter" ? "get" : "set";
      value = descriptor?.[part] as AnyFunction;
    }
    if (node.name !== undefined && value.name !== node.name) {
      Object.defineProperty(value, "name", { value: node.name, configurable: true });
    }
    this.state.add(index, node, value);
    this.#built.add(index, value);
    this.#fillParts(index, node, false);
  }

  /** Sets the variables of modules, then those of frames and functions. */
  #setVariables(): void {
    for (const { module, variable, entry } of this.state.settings) {
      variable.stamp = undefined;
      this.#built.fill((resolve) => {
        const value = resolve(entry.link);
        variable.set(value);
        const dot = entry.name.indexOf(".");
        if (dot < 0) return;
        const descriptor = { value, writable: true, enumerable: true, configurable: true };
        Object.defineProperty(module.membersOf(entry.name.slice(0, dot)), entry.name.slice(dot + 1), descriptor);
      });
    }
    for (const { frame, names, variables } of this.#maker.openedFrames()) this.#fillSlots(frame, names, variables);
    for (const [index, compiled] of this.#compiled) {
      const node = this.#view.node(index) as FunctionNode;
      const code = this.#view.codeOf(node);
      const constants = [...this.#view.variablesAround(node)].filter(({ name }) => code.ofModule.includes(name));
      this.#fillSlots(compiled, slotsOf(code), [...node.variables, ...constants]);
    }
  }

  #fillSlots(slots: Slots, names: readonly string[], variables: readonly CapturedVariable[]): void {
    const places = new Map(names.map((name, place) => [name, place]));
    this.#built.fill((resolve) => {
      for (const { name, link } of variables) slots.set(places.get(name) ?? -2, resolve(link));
    });
  }

  #fillData(index: number, node: DataNode): void {
    if (!this.#filled.has(index)) return;
    this.#built.fill((resolve) => {
      fillItems(this.#built.get(index) as object, node, resolve);
    });
    this.#fillParts(index, node, false);
  }

  /** The function that a node says more of; the node itself for a function. */
  #ownerOf(index: number): number {
    const node = this.#view.node(index);
    return node.kind === "prototypeOf" || node.kind === "member" ? this.#ownerOf(indexOf(node.of) ?? index) : index;
  }

  /** Whether a node's properties are to be set: not those of what the worker keeps. */
  #isGiven(index: number): boolean {
    const owner = this.#ownerOf(index);
    const node = this.#view.node(owner);
    if (node.kind === "function") return this.state.given.has(owner);
    return !isData(node) || this.#filled.has(owner);
  }

  #fillParts(index: number, parts: ObjectParts, isFinal: boolean): void {
    if (!this.#isGiven(index)) return;
    const object = this.#built.get(index) as object;
    if (parts.proto !== undefined) {
      this.#built.fill((resolve) => {
        const prototype = resolve(parts.proto) as object | null | undefined;
        if (prototype !== undefined) Object.setPrototypeOf(object, prototype);
      });
    }
    // All is said already unless something becomes read-only.
    const isSaid = parts.integrity === undefined && !parts.properties?.some(([, , flags]) => flags !== undefined);
    if (isFinal && isSaid) return;
    if (parts.properties === undefined && !isFinal) return;
    if (!isFinal) {
      const keys = (parts.properties ?? []).map(([key]) => (typeof key === "string" ? key : this.#built.resolve(key)));
      this.state.functions.get(this.#ownerOf(index))?.noteBefore(object, keys as PropertyKey[]);
    }
    this.#built.fill((resolve) => {
      fillProperties(object, parts, resolve, isFinal);
    });
  }

  #isBeingMade(link: Link): boolean {
    return this.#inProgress.has(indexOf(link) ?? -1);
  }

  /** What must exist before a node can be made. */
  #needs(index: number): readonly Link[] {
    const node = this.#view.node(index);
    if (node.kind !== "function") return sourcesOf(node);
    // A variable that is assigned to may well be the class's own work: what compilers make of a decorated class begins
    // with it.
    return [...node.variables, ...this.#view.variablesAround(node)]
      .filter(({ isEager, isReassigned, link }) => isEager && !(isReassigned && this.#isBeingMade(link)))
      .map(({ link }) => link);
  }

  /** Makes a class, bound function or the like; false when it waits for one that is being made. */
  async #settle(index: number): Promise<boolean> {
    if (this.#built.has(index)) return true;
    if (this.#inProgress.has(index)) return false;
    this.#inProgress.add(index);
    try {
      const needs = this.#needs(index)
        .map(indexOf)
        .filter((need) => need !== undefined);
      for (const need of needs) if (!(await this.#settle(need))) return false;
      // What these use in turn should exist too, but in a cycle it can't.
      for (const reached of this.#reachable(needs)) await this.#settle(reached);
      // It may have been made on that way.
      if (!this.#built.has(index)) await this.#make(index, this.#view.node(index) as FunctionNode | DerivedNode);
      return true;
    } finally {
      this.#inProgress.delete(index);
    }
  }

  /** Nodes not yet made that are reached from others through functions and data. */
  #reachable(from: readonly number[]): number[] {
    const seen = new Set(from);
    for (const index of seen) {
      for (const link of this.#view.linksFrom(index)) if (this.#needed.has(link)) seen.add(link);
    }
    return [...seen].filter((index) => !this.#built.has(index));
  }

  async #make(index: number, node: FunctionNode | DerivedNode): Promise<void> {
    if (node.kind === "function") {
      this.#evaluateFunction(index, node);
    } else {
      this.#built.add(index, node.kind === "evaluated" ? await this.#evaluate(node.of) : this.#derive(node));
      this.#fillParts(index, node, false);
    }
  }

  async #evaluate(of: Link): Promise<unknown> {
    const initialiser = this.#built.resolve(of) as () => unknown;
    const value = await initialiser();
    rememberEvaluation(value, initialiser);
    return value;
  }

  #derive(node: Exclude<DerivedNode, { kind: "evaluated" }>): unknown {
    const { resolve } = this.#built;
    switch (node.kind) {
      case "bound":
        return (resolve(node.target) as AnyFunction).bind(resolve(node.boundThis), ...node.boundArgs.map(resolve));
      case "prototypeOf":
        return (resolve(node.of) as AnyFunction).prototype;
      case "member":
        return node.path.reduce<unknown>(
          (owner, name) => Object.getOwnPropertyDescriptor(owner, name)?.value as unknown,
          resolve(node.of),
        );
      case "instance":
        return (resolve(node.of) as InstanceHooks)[decodeInstance](resolve(node.plain));
      case "called":
        return (resolve(node.of) as AnyFunction)(...node.args.map(resolve));
    }
  }
}
