/** Compiles the functions of a pickle, each in the frame that it stands in. */

import { CompiledUnit } from "./factory-code.js";
import type { CompiledFrame } from "./factory-code.js";
import type { CompiledFunction } from "./factory-code.js";
import type { CapturedVariable } from "../graph/format.js";
import type { CodeUnit } from "../graph/format.js";
import type { Frame } from "../graph/format.js";
import type { FunctionNode } from "../graph/format.js";
import type { GraphView } from "../graph/view.js";
import { indexOf } from "../graph/view.js";
import { isExternal } from "../graph/view.js";
import { referrerOf } from "../refer/import-value.js";
import { spendLoaderWarning } from "../refer/import-value.js";
import { registerSourceMap } from "../look/source-maps.js";
import type { WorkerModule } from "./worker-modules.js";

/** Whether code may use `import()`: in its text, or in a text that it evaluates. */
const MAY_IMPORT = /\b(?:import|eval)\b/;

/** The variables of a frame, and the names of its scope. */
export interface OpenedFrame {
  readonly frame: CompiledFrame;
  readonly names: readonly string[];
  readonly variables: readonly CapturedVariable[];
}

/** Compiles the functions of one pickle. */
export class FunctionMaker {
  readonly #view: GraphView;
  readonly #modules: readonly WorkerModule[];
  readonly #units = new Map<number, CompiledUnit>();
  readonly #frames = new Map<number, CompiledFrame>();
  /** The functions of each unit that are wanted now. */
  readonly #used = new Map<number, Set<number>>();

  constructor(view: GraphView, modules: readonly WorkerModule[]) {
    this.#view = view;
    this.#modules = modules;
  }

  /** Compiles functions, by their nodes. */
  compile(functions: ReadonlyMap<number, FunctionNode>): Map<number, CompiledFunction> {
    // It starts Node's loader of ES modules, which takes 5 to 8 ms.
    for (const node of functions.values()) if (MAY_IMPORT.test(this.#view.codeOf(node).source)) spendLoaderWarning();
    for (const [url, sourceMapUrl] of this.#view.graph.sourceMapUrls ?? []) registerSourceMap(url, sourceMapUrl);
    for (const { unit, code } of functions.values()) {
      this.#used.set(unit, (this.#used.get(unit) ?? new Set()).add(code));
    }
    const compiled = new Map<number, CompiledFunction>();
    for (const [index, node] of functions) {
      const made = this.#frameOf(node).make(node.code);
      this.#describe(node, made);
      compiled.set(index, made);
    }
    return compiled;
  }

  /** The frames that were opened for this pickle alone. */
  *openedFrames(): Generator<OpenedFrame> {
    const { frames, units } = this.#view.graph;
    for (const [number, frame] of this.#frames) {
      const { unit, scope, variables } = frames[number] as Frame;
      yield { frame, names: units[unit]?.scopes[scope]?.names ?? [], variables };
    }
  }

  #unit(number: number): CompiledUnit {
    const known = this.#units.get(number);
    if (known !== undefined) return known;
    const unit = this.#view.graph.units[number] as CodeUnit;
    const key = this.#view.graph.modules[unit.module ?? -1]?.key;
    const isUsed = (code: number): boolean => this.#used.get(number)?.has(code) === true;
    const compiled = new CompiledUnit({ ...unit, url: referrerOf(unit.url) }, isUsed, key);
    this.#units.set(number, compiled);
    return compiled;
  }

  /** The outermost frame of a unit: that of its module's variables, of which there is one in the worker. */
  #outermost(number: number): CompiledFrame {
    const { key, module, scopes } = this.#view.graph.units[number] as CodeUnit;
    const owner = this.#modules[module ?? -1];
    if (key === undefined || owner === undefined) return this.#unit(number).outermost;
    const known = owner.frames.get(key);
    if (known !== undefined) return known;
    const frame = this.#unit(number).outermost.open(0);
    owner.frames.set(key, frame);
    for (const [place, name] of scopes[0]?.names.entries() ?? []) owner.variable(name).addUser(frame, place);
    return frame;
  }

  #frameOf({ unit, frame }: FunctionNode): CompiledFrame {
    return frame === undefined ? this.#outermost(unit) : this.#open(frame);
  }

  #open(number: number): CompiledFrame {
    const known = this.#frames.get(number);
    if (known !== undefined) return known;
    const { unit, scope, parent } = this.#view.graph.frames[number] as Frame;
    const frame = (parent === undefined ? this.#outermost(unit) : this.#open(parent)).open(scope);
    this.#frames.set(number, frame);
    return frame;
  }

  /** Notes what must be known of a function when it is pickled again from here. */
  #describe(node: FunctionNode, { member }: CompiledFunction): void {
    const { local } = this.#view.codeOf(node);
    const isKept = this.#view.graph.units[node.unit]?.key !== undefined;
    if (node.identity !== undefined && node.isMadeAnew !== true) member.identity = node.identity;
    for (const { name, link, isReassigned } of [...node.variables, ...this.#view.variablesAround(node)]) {
      const index = indexOf(link);
      const target = index === undefined ? undefined : this.#view.node(index);
      if (target?.kind === "members") member.ofModule.add(name);
      if (!member.slots.has(name)) continue;
      if (isReassigned) member.constants.delete(name);
      // Other instances of the same code may have another one there.
      const isCommon = !isKept || !local.includes(name);
      if (target !== undefined && isExternal(target) && isCommon) member.externals.set(name, target);
    }
  }
}
