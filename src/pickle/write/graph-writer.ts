/** The graph under construction: numbered nodes, work still to do, and everything that stands in the way. */

import type { PickleProblem } from "../../errors.js";
import { CapturedState } from "../look/captured-state.js";
import type { ExternalNode } from "../graph/format.js";
import type { GraphNode } from "../graph/format.js";
import type { Link } from "../graph/format.js";
import type { MembersNode } from "../graph/format.js";
import type { SideImport } from "../graph/format.js";
import type { PickleGraph } from "../graph/format.js";
import type { WeakEntry } from "../graph/format.js";
import { HeldFunctions } from "./held-functions.js";
import { SeenVariables } from "./seen-variables.js";
import { classNameOf } from "../../values/classes/class-registry.js";
import { registeredMarks } from "../../values/classes/class-registry.js";
import { performance } from "../../system/timers.js";
import { wantedImports } from "../refer/side-imports.js";

/** Where a value was found: a captured variable, or a step from the place of the object that holds it. */
export interface Place {
  readonly holder?: Place;
  /** Of a variable: the function that uses it. */
  readonly user?: Place | undefined;
  /** The variable, or the step as it would be written: `.name`, `[3]`. */
  readonly step: string;
  /** `file:line:column` of the variable's first use. */
  readonly position?: string | undefined;
  /** Whether the value was made for this pickle: a hook gives another one every time. */
  readonly isFresh?: boolean | undefined;
}

/** The step to the `this` that an arrow function has from the function around it. */
export const THIS_STEP = " (this)";

/** The step to a property, as it would be written. */
export function propertyStep(key: string | symbol): string {
  if (typeof key === "symbol") return `[${String(key)}]`;
  if (/^[A-Za-z_$][\w$]*$/.test(key)) return `.${key}`;
  return /^\d+$/.test(key) ? `[${key}]` : `[${JSON.stringify(key)}]`;
}

/** The steps to a value. */
export interface Path {
  readonly path: string;
  readonly position: string | undefined;
  /** The function that uses the variable. */
  readonly user: Place | undefined;
}

/** The path to a value, and the position of the variable that it begins with. */
export function pathOf(place: Place): Path {
  const steps: string[] = [];
  let variable = place;
  for (let each: Place | undefined = place; each !== undefined; each = each.holder) {
    steps.push(each.step);
    variable = each;
  }
  return { path: steps.toReversed().join(""), position: variable.position, user: variable.user };
}

/** The path from the variable of the submitted function; which itself has no position. */
function outermost(inner: Path): Path {
  const user = inner.user && pathOf(inner.user);
  return user?.position === undefined ? inner : outermost(user);
}

/** The variable of the submitted function from which a place is reached. */
function outermostVariable(place: Place): Place {
  if (place.holder !== undefined) return outermostVariable(place.holder);
  const user = place.user && outermostVariable(place.user);
  return user?.position === undefined ? place : user;
}

/** So many take some seconds. */
export const MAX_FUNCTIONS = 10_000;
const TOO_MANY_ADVICE =
  "Let the worker import it: leave the package out of your bundle, or export the function from a module of its own";

/** A file of a package by the package's name. */
function shortened(position: string): string {
  return position.replace(/^.*[/\\]node_modules[/\\]/, "").replaceAll("\\", "/");
}

/** The graph of one pickle, while it is written. */
export class GraphWriter {
  readonly nodes: GraphNode[] = [];
  readonly problems: PickleProblem[] = [];
  /** Registered classes that travel by reference. */
  readonly classes: [name: string, node: number][] = [];
  /** Where the source maps of the scripts are, by the scripts' URLs. */
  readonly sourceMapUrls: Map<string, string> = new Map();
  /** What the modules of the functions import, as far as a worker may have to run it. */
  readonly sideImports: Set<SideImport> = new Set();
  /** False once something was captured of which only another look tells whether it has changed. */
  isStable = true;
  /** Whether the look was ended before all was seen. */
  isEndless = false;
  /** Functions and classes that travel by value; a change of theirs is no variable's. */
  readonly held: HeldFunctions = new HeldFunctions();
  /** Objects whose contents may change, and the variable of the submitted function that leads to each. */
  readonly mutable: Map<object, Place | undefined> = new Map();
  /** Variables that may hold something else. */
  readonly variables: SeenVariables = new SeenVariables();
  readonly state: CapturedState = new CapturedState();
  /** Entries of WeakMaps and WeakSets. */
  readonly weakEntries: WeakEntry[] = [];
  /** Of values that the worker finds by itself, by object. */
  readonly #found = new Map<object, number>();
  readonly #indexes = new Map<object, number>();
  readonly #externals = new Map<string, number>();
  /**
   * How long the look at each variable of the submitted function took, in milliseconds, with all that is reached from
   * it.
   */
  readonly durations: Map<Place, number> = new Map();
  readonly #jobs: { readonly job: () => void; readonly variable: Place | undefined }[] = [];
  #variable: Place | undefined;
  #sinceMs = 0;
  /** Symbols that are in no registry, which code or data of the pickle has as a value. */
  readonly #heldSymbols = new Set<symbol>();
  /** Those that are keys of properties, and where. */
  readonly #symbolKeys = new Map<symbol, Place>();

  /** The values that have nodes of their own, by object. */
  get objects(): ReadonlyMap<object, number> {
    return this.#indexes;
  }

  /** The values that the worker finds by itself, by object. */
  get found(): ReadonlyMap<object, number> {
    return this.#found;
  }

  /** Notes which value a node stands for that the worker finds by itself. */
  noteFound(value: object, [node]: readonly [number]): void {
    this.#found.set(value, node);
  }

  /** The link to a value that already has a node. */
  known(value: object): Link {
    const index = this.#indexes.get(value);
    return index === undefined ? undefined : [index];
  }

  /** Gives a value its node; its parts are filled in by a job, so that cycles and long chains need no recursion. */
  add(value: object, node: GraphNode): readonly [number] {
    const index = this.nodes.push(node) - 1;
    this.#indexes.set(value, index);
    return [index];
  }

  /** Adds a node that no value of this process stands for. */
  addNode(node: GraphNode): readonly [number] {
    return [this.nodes.push(node) - 1];
  }

  /** Adds a description of something that the worker finds by itself, once. */
  external(node: ExternalNode | MembersNode): readonly [number] {
    // Of strings only: a program may have given arrays a `toJSON` of its own.
    const key = Object.entries(node)
      .flat(2)
      .map((part) => JSON.stringify(part))
      .join(",");
    const index = this.#externals.get(key) ?? this.nodes.push(node) - 1;
    this.#externals.set(key, index);
    return [index];
  }

  /** Notes, if it is one, that a value which the worker imports is a registered class. */
  noteClass(value: unknown, [node]: readonly [number]): void {
    const name = typeof value === "function" ? classNameOf(value) : undefined;
    if (name !== undefined) this.classes.push([name, node]);
  }

  /**
   * Notes something whose contents may be different at the next submission, and that tasks may change in their
   * workers.
   */
  noteMutable(value: object, place: Place): void {
    this.noteContents(value);
    if (place.isFresh !== true) this.state.add(value);
  }

  /** Notes that the contents of an object may be different at the next submission. */
  noteContents(value: object): void {
    if (!this.mutable.has(value)) this.mutable.set(value, this.#variable);
  }

  /** Notes something that tasks may change, and whose contents only another look tells. */
  noteUnsteady(value: object, place: Place): void {
    this.isStable = false;
    if (place.isFresh !== true) this.state.add(value);
  }

  /** Notes where a symbol was found that is in no registry. */
  noteSymbol(symbol: symbol, keyAt?: Place): void {
    if (keyAt === undefined) this.#heldSymbols.add(symbol);
    else if (!this.#symbolKeys.has(symbol)) this.#symbolKeys.set(symbol, keyAt);
  }

  /** Puts off work until what is being written now has its number. */
  later(job: () => void): void {
    this.#jobs.push({ job, variable: this.#variable });
  }

  /** Looks at a variable. What that takes, work that is put off included, counts as the outermost variable's. */
  lookAt<T>(place: () => Place, look: () => T): T {
    if (this.#variable !== undefined) return look();
    this.#turnTo(place());
    try {
      return look();
    } finally {
      this.#turnTo(undefined);
    }
  }

  #turnTo(variable: Place | undefined): void {
    if (variable === this.#variable) return;
    const nowMs = performance.now();
    const last = this.#variable;
    if (last !== undefined) this.durations.set(last, (this.durations.get(last) ?? 0) + nowMs - this.#sinceMs);
    this.#variable = variable;
    this.#sinceMs = nowMs;
  }

  /** Does all the work that was put off, and the work that this brings. */
  run(): void {
    for (const { job, variable } of this.#jobs) {
      this.#turnTo(variable);
      job();
    }
    this.#turnTo(undefined);
    this.#jobs.length = 0;
  }

  /** Refuses keys that are symbols which nothing that is sent knows. */
  refuseStrangeKeys(): void {
    for (const [symbol, place] of this.#symbolKeys) {
      if (this.#heldSymbols.has(symbol)) continue;
      const problem = `nothing that is sent knows ${String(symbol)}: the code that reads this property has a symbol of its own in the worker`;
      this.refuse(place, problem, `Make it inside the task, or use Symbol.for(${JSON.stringify(symbol.description)})`);
    }
  }

  /** Ends a look that would take minutes: whole libraries hang on the variable. */
  refuseMore(place: Place): undefined {
    const problem = `it takes along more than ${MAX_FUNCTIONS.toLocaleString("en")} functions`;
    this.refuse(outermostVariable(place), problem, TOO_MANY_ADVICE);
    this.isEndless = true;
    this.#jobs.length = 0;
  }

  /** Notes a reason why the function can't be sent. */
  refuse(place: Place, problem: string, advice: string): undefined {
    const inner = pathOf(place);
    const outer = outermost(inner);
    const { path, position } = outer;
    const where = inner.position === undefined ? "" : ` (${shortened(inner.position)})`;
    const through = outer === inner ? undefined : `${inner.path}${where}`;
    const isKnown = (each: PickleProblem): boolean =>
      each.variable === path && each.through === through && each.problem === problem;
    if (this.problems.some(isKnown)) return;
    const wayOut = path.includes(THIS_STEP)
      ? `${advice}. Or take from \`this\` only what is used: const { name } = this`
      : advice;
    this.problems.push({
      variable: path,
      ...(through !== undefined && { through }),
      problem,
      advice: wayOut,
      ...(position !== undefined && { position }),
    });
  }

  finish(root: Link, { modules, units, frames }: Pick<PickleGraph, "modules" | "units" | "frames">): PickleGraph {
    const { classes, sourceMapUrls, weakEntries } = this;
    const registered = registeredMarks();
    const sideImports = wantedImports(this.sideImports, this.nodes);
    return {
      root,
      nodes: this.nodes,
      modules,
      units,
      frames,
      ...(weakEntries.length > 0 && { weakEntries }),
      ...(classes.length > 0 && { classes }),
      ...(registered.length > 0 && { registered }),
      ...(sideImports.length > 0 && { sideImports }),
      ...(sourceMapUrls.size > 0 && { sourceMapUrls }),
    };
  }
}
