/** What a pickle says of modules, against what the worker has of them: what is kept, and what is set. */

import type { CompiledFunction } from "./factory-code.js";
import type { FunctionCode } from "../graph/format.js";
import type { FunctionNode } from "../graph/format.js";
import type { ModuleEntry } from "../graph/format.js";
import type { GraphView } from "../graph/view.js";
import { indexOf } from "../graph/view.js";
import { ModuleFunction } from "./worker-modules.js";
import type { ModuleVariable } from "./worker-modules.js";
import type { WorkerModule } from "./worker-modules.js";
import { classNamed } from "../../values/classes/class-registry.js";
import { isFromParent } from "../../values/classes/class-registry.js";

/** A variable of a module, and what it is to be. */
export interface Setting {
  readonly module: WorkerModule;
  readonly variable: ModuleVariable;
  readonly entry: ModuleEntry;
}

/** The class that a module of this process has registered itself. */
function registeredTwin({ registeredAs }: FunctionNode, { source }: FunctionCode): object | undefined {
  const known = registeredAs === undefined ? undefined : classNamed(registeredAs);
  if (known === undefined || isFromParent(known)) return undefined;
  return Function.prototype.toString.call(known) === source ? known : undefined;
}

/** What one pickle sets in the modules of this worker. */
export class ModuleState {
  readonly #view: GraphView;
  readonly #modules: readonly WorkerModule[];
  /** Variables that are to be set. */
  readonly settings: Setting[] = [];
  /** Functions that are one object in the worker. */
  readonly functions: Map<number, ModuleFunction> = new Map();
  /** Functions whose properties and prototypes are to be set: new ones, and those that have been given others. */
  readonly given: Set<number> = new Set();

  readonly #variables: readonly Setting[];

  constructor(view: GraphView, modules: readonly WorkerModule[]) {
    this.#view = view;
    this.#modules = modules;
    this.#variables = modules.flatMap((module, number) => {
      const { entries = [] } = view.graph.modules[number] ?? {};
      return entries.map((entry) => ({ module, variable: module.variable(entry.name), entry }));
    });
  }

  /** Finds what the worker keeps, by node, and notes what is to be set. */
  *keep(): Generator<readonly [index: number, value: unknown]> {
    for (const setting of this.#variables) {
      const { variable, entry } = setting;
      const isKept = variable.stamp !== undefined && (entry.isOwned === true || variable.stamp === entry.stamp);
      const index = indexOf(entry.link);
      if (!isKept) this.settings.push(setting);
      else if (index !== undefined) yield [index, variable.value];
    }
    for (const [index, node] of this.#view.graph.nodes.entries()) {
      if (node.kind !== "function") continue;
      const fn = this.#keepFunction(index, node);
      if (fn !== undefined) yield [index, fn];
    }
  }

  #keepFunction(index: number, node: FunctionNode): object | undefined {
    const known = this.#modules[node.module ?? -1]?.functions.get(node.identity ?? "");
    if (known?.fn === undefined) return registeredTwin(node, this.#view.codeOf(node));
    this.functions.set(index, known);
    if (known.stamp !== node.stamp) {
      this.given.add(index);
      known.takeBack();
    }
    return known.fn;
  }

  /** Notes a function that was made. */
  add(index: number, node: FunctionNode, fn: object): void {
    this.given.add(index);
    if (node.identity !== undefined) this.functions.set(index, new ModuleFunction(fn, node.isMadeAnew !== true));
  }

  /** All is built: from now on the modules have it. */
  finish(compiled: ReadonlyMap<number, CompiledFunction>): void {
    for (const { variable, entry } of this.settings) variable.stamp = entry.stamp;
    for (const [index, fn] of this.functions) {
      const { stamp, identity = "", module = -1 } = this.#view.node(index) as FunctionNode;
      fn.stamp = stamp;
      this.#modules[module]?.keep(identity, fn);
    }
    for (const [index, made] of compiled) {
      const node = this.#view.node(index) as FunctionNode;
      const { fixed, ofModule } = this.#view.codeOf(node);
      const module = this.#modules[node.module ?? -1];
      for (const [place, name] of ofModule.entries()) module?.variable(name).addUser(made, fixed.length + place);
    }
  }

  /** Whether the modules still are as they were left. */
  isCurrent(): boolean {
    for (const { variable, entry } of this.#variables) {
      if (entry.isOwned !== true && variable.stamp !== entry.stamp) return false;
    }
    for (const [index, { stamp }] of this.functions) {
      if (stamp !== (this.#view.node(index) as FunctionNode).stamp) return false;
    }
    return true;
  }

  /** Whether the pickle says anything of modules. */
  get isEmpty(): boolean {
    return this.functions.size === 0 && this.#variables.length === 0;
  }
}
