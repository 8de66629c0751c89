/** Finds what each free variable of a function holds, and writes it into the graph. */

import { dirname } from "node:path";
import { types } from "node:util";

import type { VariableDeclarator } from "estree";

import { freeVariables } from "../variables/free-variables.js";
import type { FreeVariable } from "../variables/free-variables.js";
import type { CapturedScope } from "../look/function-inspector.js";
import type { CapturedVariable } from "../graph/format.js";
import type { ExternalNode } from "../graph/format.js";
import type { FunctionNode } from "../graph/format.js";
import type { Link } from "../graph/format.js";
import { indexOf } from "../graph/view.js";
import { isExternal } from "../graph/view.js";
import type { GraphWriter } from "./graph-writer.js";
import type { Place } from "./graph-writer.js";
import { propertyStep } from "./graph-writer.js";
import { isOfModule } from "../look/module-scope.js";
import { mayBeInitialisedLater } from "../look/initialisation.js";
import { mustBeInitialised } from "../look/initialisation.js";
import { isWithinReach } from "../variables/reach.js";
import { declaredMember } from "../variables/import-members.js";
import { interopNode } from "../variables/initialiser.js";
import { isInteropObject } from "../variables/initialiser.js";
import { isToBeEvaluated } from "../variables/initialiser.js";
import { moduleDeclarator } from "../variables/initialiser.js";
import { isStandardGlobal } from "../refer/known-values.js";
import { knownSymbol } from "../refer/known-values.js";
import { lookUp } from "../look/look-up.js";
import type { LookUp } from "../look/look-up.js";
import type { OwnedVariables } from "../variables/owned-variables.js";
import { exportedValue } from "../refer/exported-value.js";
import { isExportsInJest } from "../refer/find-export.js";
import { isReference } from "../refer/exported-value.js";
import { fileOfRequire } from "../refer/module-require.js";
import { filenameOf } from "../refer/module-require.js";
import { isRequireFunction } from "../refer/module-require.js";
import { isRequireLike } from "../refer/module-require.js";
import type { FoundFunction } from "../look/script-source.js";
import type { ScriptSource } from "../look/script-source.js";
import type { Scopes } from "./scopes.js";
import { placeOf } from "./source-position.js";
import { endOf } from "../look/syntax-tree.js";
import { startOf } from "../look/syntax-tree.js";
import type { ValueEncoder } from "./value-encoder.js";
import { VITE_DYNAMIC_IMPORT } from "../look/vite-imports.js";
import { VITE_IMPORT_META } from "../look/vite-imports.js";
import { externalisedBy } from "../look/vite-imports.js";
import { viteRoot } from "../look/vite-imports.js";
import { viteSpecifier } from "../look/vite-imports.js";

/** The script of the capturing function, and the values around it. */
export interface CaptureContext {
  /** Where the function was found that uses the variables. */
  readonly place: Place;
  readonly script: ScriptSource;
  /** Those that V8 lists, and before them that of `namesAround`. */
  readonly scopes: readonly CapturedScope[];
  readonly found: FoundFunction;
  /** The function itself. */
  readonly fn: object;
  /** The node of the function. */
  readonly user: number;
}

const INTEROP_CACHES: ReadonlySet<string> = new Set(["cacheBabelInterop", "cacheNodeInterop"]);

const UNKEPT = "V8 does not tell what it holds";
const UNKEPT_ADVICE =
  "It is used in a computed key of a class, or names a function expression. Use it in a method or a field of the class as well, or put the function into a variable";

/** Whether a variable has no value yet. */
function isUninitialised(
  { isUninitialised: isInDeadZone, value }: LookUp,
  { isReassigned, variable }: FreeVariable,
): boolean {
  return isInDeadZone || (value === undefined && !isReassigned && mustBeInitialised(variable));
}

/** What the variable encoder needs from the function encoder. */
export interface FunctionEncoding {
  readonly values: ValueEncoder;
  readonly scopes: Scopes;
  readonly isImportable: (fn: object) => boolean;
}

/** Writes what the free variables of functions hold. */
export class VariableEncoder {
  readonly #writer: GraphWriter;
  readonly #values: ValueEncoder;
  readonly #scopes: Scopes;
  readonly #owned: OwnedVariables;
  readonly #isImportable: (fn: object) => boolean;
  readonly #evaluations = new Map<unknown, Link>();

  constructor(writer: GraphWriter, { values, scopes, isImportable }: FunctionEncoding, owned: OwnedVariables) {
    this.#writer = writer;
    this.#values = values;
    this.#scopes = scopes;
    this.#owned = owned;
    this.#isImportable = isImportable;
  }

  /**
   * Captures one free variable; undefined when the worker has it by itself, when nothing declares it, or when a
   * problem was noted.
   */
  capture(free: FreeVariable, context: CaptureContext): CapturedVariable | undefined {
    const { name, isEager } = free;
    if (name === "arguments") return undefined;
    const place = placeOf(free, context.script, context.place);
    const own = this.#owned.find(context.script, context.found, free.variable);
    if (own !== undefined) return { name, link: own.link, isReassigned: true, isEager, isOwned: true };
    // V8 lists the own name of a function expression in no scope: the first one here has those that could be read.
    const isOwnName = free.variable?.scope.type === "function-expression-name";
    const found = lookUp(isOwnName ? context.scopes.slice(0, 1) : context.scopes, name);
    if (free.external !== undefined) {
      return { name, isReassigned: false, isEager, link: this.#linkImport(free.external, found.value) };
    }
    if (!found.isFound) return this.#captureUndeclared(free, context, place);
    if (isUninitialised(found, free)) {
      this.#writer.isStable = false;
      const advice = "Submit the function after the line that declares it";
      this.#writer.refuse(place, "this variable is not initialised yet when the function is sent", advice);
      return undefined;
    }
    return this.#captureValue(free, found.value, context, place);
  }

  #captureValue(free: FreeVariable, value: unknown, context: CaptureContext, place: Place): CapturedVariable {
    const { name, isReassigned, isEager } = free;
    const ofWrapper = free.variable === null ? this.#linkCommonjsName(free, value, context, place) : undefined;
    const link =
      ofWrapper ?? this.#linkVite(free, value, context, place) ?? this.#linkVariable(free, value, context, place);
    const mayChange = isReassigned || (value === undefined && mayBeInitialisedLater(free.variable));
    const isFirm = ofWrapper !== undefined || !mayChange;
    if (!isFirm || this.#maySetAnew(free, link, context)) {
      this.#writer.variables.add(name, free.variable, value, context);
    }
    return { name, link, isReassigned: !isFirm, isEager };
  }

  /** Links what an import gives: the worker imports it, too. */
  #linkImport(external: ExternalNode, value: unknown): Link {
    const link = this.#writer.external(external);
    if (isReference(value)) this.#writer.noteFound(value, link);
    this.#writer.noteClass(value, link);
    if (typeof value === "symbol") this.#writer.noteSymbol(value);
    return link;
  }

  /**
   * Whether a worker may set a variable that nothing assigns to: with it, an object that has changed in the program is
   * replaced.
   */
  #maySetAnew({ variable }: FreeVariable, link: Link, { script, found }: CaptureContext): boolean {
    if (script.factory === undefined || variable === null || !isOfModule(script, variable, found)) return false;
    const node = this.#writer.nodes[indexOf(link) ?? -1];
    if (node === undefined || isExternal(node)) return false;
    return node.kind !== "function" || node.identity === undefined;
  }

  /** What Vite has put in the place of imports, `import()` and `import.meta`. */
  #linkVite(free: FreeVariable, value: unknown, context: CaptureContext, place: Place): Link {
    const { script } = context;
    if (free.name === VITE_DYNAMIC_IMPORT) {
      return this.#external({ kind: "importFunction", referrer: script.url, root: viteRoot() });
    }
    if (typeof value !== "object" || value === null) return undefined;
    if (free.name === VITE_IMPORT_META) return this.#external({ kind: "importMeta", url: script.url });
    const specifier = viteSpecifier(free.variable);
    if (specifier === undefined) return undefined;
    const native = externalisedBy(specifier);
    if (native !== undefined) {
      return this.#external({ kind: "import", specifier: native, referrer: script.url, path: [] });
    }
    return this.#linkReadMembers(free, value, context, place);
  }

  /**
   * What bundlers make of a CommonJS module that is in the bundle: of its getters, only those that are used matter.
   */
  #linkInterop(free: FreeVariable, value: object, context: CaptureContext, place: Place): Link {
    if (free.members === undefined || !isInteropObject(value)) return undefined;
    return this.#linkReadMembers(free, value, context, place);
  }

  /** What a function uses of a module that a worker can't load. */
  #linkReadMembers(free: FreeVariable, value: object, context: CaptureContext, place: Place): Link {
    const read = (name: string): unknown => (value as Record<string, unknown>)[name];
    const members = (): ReadonlySet<string> => free.members ?? new Set(Object.keys(value));
    this.#writer.held.addRead(() => [...members()].flatMap((name) => [name, read(name)]));
    return this.#linkMembers(context, free, members(), read, place);
  }

  /** The superclass, which V8 keeps in no scope when nothing but the class itself mentions it. */
  captureHeritage(name: string, superclass: unknown, place: Place): CapturedVariable {
    return { name, link: this.#values.link(superclass, place), isReassigned: false, isEager: true };
  }

  /** The `this` of the function around an arrow, under the name that stands for it in the source. */
  captureThis(name: string, value: unknown, place: Place): CapturedVariable {
    return { name, link: this.#values.link(value, place), isReassigned: false, isEager: false };
  }

  /** `import.meta` of the original module, under the name that stands for it in the source. */
  captureImportMeta(name: string, { script }: CaptureContext, found: FoundFunction): CapturedVariable {
    const member = script.factory?.members.find(({ start, end }) => start <= found.start && found.end <= end);
    const external = member?.externals.get(name) ?? { kind: "importMeta", url: script.url };
    return { name, isReassigned: false, isEager: true, link: this.#external(external) };
  }

  #external(node: ExternalNode): readonly [number] {
    return this.#writer.external(node);
  }

  #captureUndeclared(free: FreeVariable, context: CaptureContext, place: Place): CapturedVariable | undefined {
    const { name, isEager } = free;
    const isCommonjs = !context.script.info.isModule && free.variable === null;
    const global = globalThis as unknown as Record<string, unknown>;
    if (name === "require" && (isCommonjs || isRequireLike(global["require"]))) {
      const link = this.#external({ kind: "require", filename: filenameOf(context.script) });
      return { name, link, isReassigned: false, isEager };
    }
    // What a script declares at its top is a global where the script is no module.
    const mayBeGlobal = free.variable === null || free.variable.scope.block.type === "Program";
    if (mayBeGlobal && isStandardGlobal(name)) return undefined;
    if (mayBeGlobal && Object.hasOwn(globalThis, name)) {
      this.#writer.held.addRead(() => [Object.hasOwn(globalThis, name), global[name]]);
      return { name, link: this.#values.link(global[name], place), isReassigned: true, isEager };
    }
    if (free.variable !== null) return this.#writer.refuse(place, UNKEPT, UNKEPT_ADVICE);
    // The worker doesn't have it either: using it throws there what it throws here.
    this.#writer.held.addUndeclared(name);
    return undefined;
  }

  /** The variables that Node puts around a CommonJS module. */
  #linkCommonjsName(free: FreeVariable, value: unknown, context: CaptureContext, place: Place): Link {
    if (context.script.info.isModule) return undefined;
    if (free.name === "require" && isRequireLike(value)) {
      return this.#external({ kind: "require", filename: filenameOf(context.script) });
    }
    if (typeof value !== "object" || value === null) return undefined;
    if (free.name === "exports") return this.#linkExports(value, free, free.members, context, place);
    if (free.name !== "module") return undefined;
    const { exports } = value as { exports: object };
    this.#writer.held.addRead(() => [(value as { exports: object }).exports]);
    const advice = "Use `exports.name`, or a variable, inside the function";
    if (free.members === undefined || [...free.members].some((each) => !/^(?:exports|id|filename|path)$/.test(each))) {
      return this.#writer.refuse(place, "the module object belongs to the process that loaded the module", advice);
    }
    const filename = filenameOf(context.script);
    const link = this.#linkExports(exports, free, undefined, context, { holder: place, step: ".exports" });
    return this.#writer.addNode({
      kind: "object",
      properties: [
        ["exports", link],
        ["id", filename],
        ["filename", filename],
        ["path", dirname(filename)],
      ],
    });
  }

  /** Of the main module's exports, which no worker may load, only those that are used travel. */
  #linkExports(
    exports: object,
    free: FreeVariable,
    members: ReadonlySet<string> | undefined,
    context: CaptureContext,
    place: Place,
  ): Link {
    const whole = this.#values.externals.link(exports);
    if (whole !== undefined) return whole;
    if (members === undefined) return this.#values.link(exports, place);
    const own = (): string[] => [...members].filter((each) => Object.hasOwn(exports, each));
    this.#writer.held.addRead(() => own().flatMap((name) => [name, exportedValue(exports, name)]));
    return this.#linkMembers(context, free, new Set(own()), (name) => exportedValue(exports, name), place);
  }

  /** An object in the worker that has just those members that are used; one for all functions of the module. */
  #linkMembers(
    { script, found, user }: CaptureContext,
    { name: of, variable }: FreeVariable,
    members: ReadonlySet<string>,
    read: (name: string) => unknown,
    place: Place,
  ): Link {
    const module = this.#scopes.moduleOf(user);
    const records = [...members].map((name): readonly [string, Link] => {
      return [name, this.#values.link(read(name), { holder: place, step: propertyStep(name) })];
    });
    if (module === undefined || (variable !== null && !isOfModule(script, variable, found))) {
      return this.#writer.addNode({ kind: "object", properties: records });
    }
    for (const [name, link] of records) this.#scopes.addEntry(user, { name: `${of}.${name}`, link, isEager: false });
    return this.#writer.external({ kind: "members", module, name: of });
  }

  /** A value that a module gave is loaded again in the worker; any other is copied. */
  #linkVariable(free: FreeVariable, value: unknown, context: CaptureContext, place: Place): Link {
    if (isRequireFunction(value)) {
      return this.#external({ kind: "require", filename: fileOfRequire(value, context.script) });
    }
    if (typeof value === "symbol" && !free.isReassigned && knownSymbol(value) === undefined) {
      // The module that the worker loads has a symbol of its own.
      const member = this.#declaredMember(free, value, context);
      return member === undefined ? this.#values.link(value, place) : this.#external(member);
    }
    if (!isReference(value)) return this.#values.link(value, place);
    // Babel's and swc's helper for import() of CommonJS keeps the modules that it has seen; in the worker it has seen
    // none.
    if (types.isWeakMap(value) && INTEROP_CACHES.has(free.name)) {
      return this.#writer.add(value, { kind: "map", entries: [] });
    }
    if (free.isReassigned) return this.#values.link(value, place);
    return this.#linkConstant(free, value, context, place);
  }

  /** An object or a function in a variable that nothing assigns to. */
  #linkConstant(free: FreeVariable, value: object, context: CaptureContext, place: Place): Link {
    const simple = this.#writer.known(value) ?? this.#values.externals.link(value);
    if (simple !== undefined) return simple;
    if (isExportsInJest(value)) return this.#linkReadMembers(free, value, context, place);
    if (typeof value === "function" && this.#isImportable(value)) return this.#values.link(value, place);
    return this.#linkGiven(free, value, context, place);
  }

  /** The same, where the variable's initialiser may tell how the worker gets it: a member of a module, a call. */
  #linkGiven(free: FreeVariable, value: object, context: CaptureContext, place: Place): Link {
    const member = this.#declaredMember(free, value, context);
    if (member !== undefined) {
      const link = this.#external(member);
      this.#writer.noteClass(value, link);
      return link;
    }
    const declarator = moduleDeclarator(free.variable);
    if (declarator === undefined) {
      return this.#linkInterop(free, value, context, place) ?? this.#values.link(value, place);
    }
    const interop = interopNode(context.script, declarator, value, (module) => this.#externalOf(module));
    if (interop !== undefined) return this.#external(interop);
    const evaluation = isToBeEvaluated(declarator, value)
      ? this.#linkEvaluation(free.name, value, declarator, context)
      : undefined;
    return evaluation ?? this.#values.link(value, place);
  }

  #externalOf(module: object): ExternalNode | undefined {
    const [index] = (this.#values.externals.link(module) ?? []) as number[];
    return index === undefined ? undefined : (this.#writer.nodes[index] as ExternalNode);
  }

  #declaredMember(free: FreeVariable, value: object | symbol, context: CaptureContext): ExternalNode | undefined {
    const read = (name: string): unknown => lookUp(context.scopes, name).value;
    return declaredMember(free.variable, value, context.script, read, (module) => this.#externalOf(module));
  }

  /** Sends the initialiser in place of its value, when all that it uses is within reach. */
  #linkEvaluation(name: string, value: object, declarator: VariableDeclarator, context: CaptureContext): Link {
    const known = this.#evaluations.get(value);
    if (known !== undefined) return known;
    const { script, scopes } = context;
    const [start, end] = [startOf(declarator), endOf(declarator)];
    const free = freeVariables(script, start, end, declarator).filter(
      ({ variable }) => variable?.defs[0]?.node !== declarator,
    );
    if (!free.every((each) => isWithinReach(each, context))) return undefined;
    const prefix = "async function () { const ";
    const { line, column } = script.position(start);
    const node: FunctionNode = { kind: "function", isClass: false, name: "", variables: [], unit: -1, code: -1 };
    const of = this.#writer.addNode(node);
    const code = {
      source: `${prefix}${script.info.source.slice(start, end)}; return ${name}; }`,
      form: "expression" as const,
      isStrict: script.isStrictAround(start, end),
      line,
      // V8 takes a function at column -1 for one without a place.
      column: Math.max(0, column - prefix.length),
    };
    this.#scopes.addFunction({ index: of[0], node, script, scopes, code });
    const link = this.#writer.add(value, { kind: "evaluated", of });
    // Two values that one line has made are two in the worker as well.
    this.#writer.state.add(value);
    this.#evaluations.set(value, link);
    this.#writer.later(() => {
      for (const each of free) {
        const variable = this.capture(each, { ...context, user: of[0] });
        if (variable !== undefined) this.#scopes.addVariable(of[0], each, variable);
      }
    });
    return link;
  }
}
