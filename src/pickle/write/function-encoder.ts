/** Writes functions and classes into the graph: by reference where a worker can import them, else by value. */

import type { FunctionInspector } from "../look/function-inspector.js";
import type { ClosureInfo } from "../look/function-inspector.js";
import { findOrigin } from "../look/find-origin.js";
import type { Origin } from "../look/find-origin.js";
import { namesAround } from "../look/read-inside.js";
import { readInside } from "../look/read-inside.js";
import { linkNative } from "./made-functions.js";
import { isWrittenInClass } from "./class-elements.js";
import { refuseUnsteadyKeys } from "./class-keys.js";
import { functionsIn } from "../look/function-properties.js";
import { hasOwnProperties } from "../look/function-properties.js";
import { hasUsualParent } from "../look/function-properties.js";
import { hasUsualPrototype } from "../look/function-properties.js";
import type { Heritage } from "../look/function-properties.js";
import { heritageOf } from "../look/function-properties.js";
import { isFunctional } from "../look/function-properties.js";
import { isParentOfFunctions } from "../look/function-properties.js";
import { isStandardProperty } from "../look/function-properties.js";
import type { FreeVariable } from "../variables/free-variables.js";
import { functionShape } from "../variables/function-shape.js";
import { VARIABLE_ADVICE } from "../variables/function-shape.js";
import type { FunctionShape } from "../variables/function-shape.js";
import { WRITABLE } from "../graph/format.js";
import type { DataNode } from "../graph/format.js";
import type { ExternalNode } from "../graph/format.js";
import type { FunctionNode } from "../graph/format.js";
import type { GraphNode } from "../graph/format.js";
import type { Link } from "../graph/format.js";
import type { ObjectParts } from "../graph/format.js";
import type { GraphWriter } from "./graph-writer.js";
import type { Place } from "./graph-writer.js";
import { THIS_STEP } from "./graph-writer.js";
import { propertyStep } from "./graph-writer.js";
import { isStandardGlobal } from "../refer/known-values.js";
import { lookUp } from "../look/look-up.js";
import { OwnedVariables } from "../variables/owned-variables.js";
import { ExportPaths } from "../refer/find-export.js";
import { referenceTo } from "../refer/find-export.js";
import type { FoundFunction } from "../look/script-source.js";
import { sideImportsOf } from "../refer/side-imports.js";
import { isMapWanted } from "../look/source-maps.js";
import { sourcePosition } from "./source-position.js";
import { staticKey } from "../look/syntax-tree.js";
import { Scopes } from "./scopes.js";
import { ValueEncoder } from "./value-encoder.js";
import { placeOf } from "./source-position.js";
import type { CaptureContext } from "./variable-encoder.js";
import { VariableEncoder } from "./variable-encoder.js";
import { classNameOf } from "../../values/classes/class-registry.js";
import type { AnyFunction } from "../../values/classes/value-writer.js";

const UNREADABLE_THIS =
  "the `this` of the function around it can't be read without running some of it (a computed key in its parameters, or a static part of a class)";
const IN_A_FILE = "Write the function in a file, or export it from a module of its own";

/** The variable that a class extends, if it is one, and whether its value is sent. */
interface SentHeritage {
  readonly free: FreeVariable | undefined;
  readonly isSent: boolean;
}

/** Writes functions and classes. */
export class FunctionEncoder {
  readonly #writer: GraphWriter;
  readonly #exportPaths = new ExportPaths();
  readonly #inspector: FunctionInspector;
  readonly #variables: VariableEncoder;
  readonly values: ValueEncoder;
  readonly scopes: Scopes = new Scopes();
  readonly #owned: OwnedVariables;
  readonly #isPreparing: boolean;

  /**
   * @param owned - The worker's own variables.
   * @param isPreparing - Whether variables that the functions assign to are to be the worker's own from here on.
   */
  constructor(
    writer: GraphWriter,
    inspector: FunctionInspector,
    owned: OwnedVariables = new OwnedVariables(),
    isPreparing = false,
  ) {
    this.#writer = writer;
    this.#owned = owned;
    this.#isPreparing = isPreparing;
    this.#inspector = inspector;
    this.values = new ValueEncoder(writer, inspector, this);
    this.#variables = new VariableEncoder(writer, this, owned);
  }

  /** Whether a worker can import the function, so that nothing of it travels. */
  readonly isImportable = (fn: object): boolean => this.referenceOf(fn) !== undefined;

  /** How another process can import the function. */
  referenceOf(fn: object): ExternalNode | undefined {
    const closure = this.#inspector.inspect(fn);
    const origin = findOrigin(fn, closure, this.#inspector);
    return typeof origin === "object"
      ? referenceTo(fn, closure, origin.script, origin.found, this.#exportPaths)
      : undefined;
  }

  isNative(fn: object): boolean {
    const { location, bound } = this.#inspector.inspect(fn);
    if (bound !== undefined) return false;
    return location === undefined || this.#inspector.scriptUrl(location.scriptId).startsWith("node:");
  }

  linkFunction(fn: AnyFunction, place: Place): Link {
    const closure = this.#inspector.inspect(fn);
    if (closure.bound !== undefined) return this.#linkBound(fn, closure.bound, place);
    const origin = findOrigin(fn, closure, this.#inspector);
    if (typeof origin === "string") {
      const tools = { writer: this.#writer, inspector: this.#inspector, values: this.values };
      return linkNative(fn, closure, place, tools) ?? this.#writer.refuse(place, origin, IN_A_FILE);
    }
    const { script, found } = origin;
    const reference = referenceTo(fn, closure, script, found, this.#exportPaths);
    if (reference !== undefined) {
      const link = this.#writer.external(reference);
      this.#writer.noteFound(fn, link);
      this.#writer.noteClass(fn, link);
      return link;
    }
    const shape = functionShape(script, found);
    if (shape.obstacles.length > 0) {
      const member = this.#linkMember(fn, closure, found, place);
      if (member !== undefined) return member;
      for (const { variable, problem, advice, offset } of shape.obstacles) {
        const position = sourcePosition(script, offset);
        this.#writer.refuse({ holder: { ...place, position }, step: ` (${variable})`, position }, problem, advice);
      }
      return undefined;
    }
    return this.#addByValue(fn, closure, origin, shape, place);
  }

  #linkBound(fn: AnyFunction, bound: NonNullable<ClosureInfo["bound"]>, place: Place): Link {
    const node: ObjectParts & { kind: "bound"; target: Link; boundThis: Link; boundArgs: Link[] } = {
      kind: "bound",
      target: undefined,
      boundThis: undefined,
      boundArgs: [],
    };
    const link = this.#writer.add(fn, node);
    this.#writer.held.add(fn, false);
    this.#writer.later(() => {
      node.target = this.values.link(bound.target, { holder: place, step: " (bound function)" });
      node.boundThis = this.values.link(bound.boundThis, { holder: place, step: " (bound this)" });
      node.boundArgs.push(
        ...bound.boundArgs.map((each, index) =>
          this.values.link(each, { holder: place, step: ` (bound argument ${index})` }),
        ),
      );
      // It inherits from what its target inherits from.
      const parent: unknown = Object.getPrototypeOf(fn);
      if (parent !== Object.getPrototypeOf(bound.target)) this.#linkParent(parent, node, place);
      this.#writeGivenProperties(fn, node, place);
    });
    return link;
  }

  /** A method that can't leave its class travels as the class and the method's name. */
  #linkMember(fn: AnyFunction, closure: ClosureInfo, { outer }: FoundFunction, place: Place): Link {
    if (outer.type !== "MethodDefinition") return undefined;
    const name = staticKey(outer, outer.key);
    if (name === undefined) return undefined;
    for (const { variables } of closure.scopes) {
      for (const variable of Object.keys(variables)) {
        const { value } = lookUp([{ isModule: false, variables }], variable);
        if (typeof value !== "function") continue;
        const isOwn = (owner: unknown): boolean =>
          owner != null && Object.getOwnPropertyDescriptor(owner, name)?.value === fn;
        const path = isOwn(value) ? [name] : isOwn(value.prototype) ? ["prototype", name] : undefined;
        if (path === undefined) continue;
        return this.#addMember(fn, this.values.link(value, place), path, place);
      }
    }
    return undefined;
  }

  #addMember(fn: AnyFunction, of: Link, path: readonly string[], place: Place): Link {
    const node: GraphNode & ObjectParts = { kind: "member", of, path };
    const link = this.#writer.add(fn, node);
    this.#writer.held.add(fn, false);
    this.#writer.later(() => this.#writeGivenProperties(fn, node, place));
    return link;
  }

  /** The properties that the program has given to a function whose copy has none but its standard ones. */
  #writeGivenProperties(fn: AnyFunction, node: ObjectParts, place: Place): void {
    this.values.properties.write(fn, node, place, (key, descriptor) => !isStandardProperty(key, descriptor));
    if (node.properties !== undefined) this.#writer.noteMutable(fn, place);
  }

  /** Makes the copy of a function inherit from this. */
  #linkParent(parent: unknown, node: ObjectParts, place: Place): void {
    const at: Place = { holder: place, step: ".__proto__" };
    if (typeof parent !== "object" || parent === null) {
      node.proto = parent === null ? null : this.values.link(parent, at);
      return;
    }
    const known = this.#writer.known(parent);
    const grandparent: unknown = Object.getPrototypeOf(parent);
    if (known !== undefined || !isParentOfFunctions(grandparent)) {
      node.proto = known ?? this.values.linkPrototype(parent, at);
      return;
    }
    // What `Object.create(Function.prototype)` gives: as a value, it would be refused as an instance of a native
    // class.
    const plain: DataNode = { kind: "object", proto: this.values.link(grandparent, at) };
    node.proto = this.#writer.add(parent, plain);
    this.#writer.noteMutable(parent, at);
    this.values.properties.write(parent, plain, at, () => true);
  }

  #addByValue(
    fn: AnyFunction,
    closure: ClosureInfo,
    { script, found }: Origin,
    shape: FunctionShape,
    place: Place,
  ): Link {
    const name: unknown = Object.getOwnPropertyDescriptor(fn, "name")?.value;
    const own = shape.free.find((each) => each.name === shape.declaredName);
    // The body of a declaration sees its name as an ordinary variable, that may hold something else by now.
    const isDetached = own !== undefined && (own.isReassigned || lookUp(closure.scopes, own.name).value !== fn);
    const node: FunctionNode = {
      kind: "function",
      isClass: shape.isClass,
      name: typeof name === "string" ? name : undefined,
      variables: [],
      unit: -1,
      code: -1,
    };
    const link = this.#writer.add(fn, node);
    this.#writer.held.add(fn, shape.isClass);
    this.scopes.addFunction({ index: link[0], node, script, found, scopes: closure.scopes, isDetached });
    const registeredAs = classNameOf(fn);
    if (registeredAs !== undefined) node.registeredAs = registeredAs;
    for (const each of sideImportsOf(script, found)) this.#writer.sideImports.add(each);
    const { sourceMapUrl } = script.info;
    if (isMapWanted(script.url, sourceMapUrl)) this.#writer.sourceMapUrls.set(script.url, sourceMapUrl);
    this.values.externals.addImports(script, (name) => lookUp(closure.scopes, name).value);
    const user = link[0];
    this.#writer.later(() => {
      const origin = { script, found };
      const scopes = [namesAround(this.#inspector, fn, origin, shape.free), ...closure.scopes];
      const context = { script, found, fn, scopes, user, place };
      if (this.#isPreparing) this.#owned.addWritten(script, found, shape.free);
      if (shape.isClass) refuseUnsteadyKeys(this.#writer, fn, origin, shape.free, closure.scopes, place);
      const heritage = this.#captureHeritage(shape, context, node);
      for (const free of shape.free) {
        if ((free === own && !isDetached) || (free === heritage.free && heritage.isSent)) continue;
        this.#captureVariable(free, context, node, free === own);
      }
      this.#captureNamesOfShape(fn, shape, context, node);
      this.#writeOwnProperties(fn, node, origin, place);
      const extended: Heritage = heritage.isSent ? { kind: "sent" } : heritageOf(found, shape.heritageName);
      if (!hasUsualParent(fn, extended)) this.#linkParent(Object.getPrototypeOf(fn), node, place);
      this.#writePrototype(fn, node, origin, extended, place);
    });
    return link;
  }

  /** Captures the superclass, unless the worker has it anyway. */
  #captureHeritage(shape: FunctionShape, { fn, script, place }: CaptureContext, node: FunctionNode): SentHeritage {
    const { heritageName } = shape;
    if (heritageName === undefined) return { free: undefined, isSent: false };
    const free = shape.free.find(({ name }) => name === heritageName);
    const isImported = free?.external !== undefined;
    const isGlobal = free?.variable === null && isStandardGlobal(heritageName);
    if (isImported || isGlobal) return { free, isSent: false };
    const at = free === undefined ? place : placeOf(free, script, place);
    node.variables.push(this.#variables.captureHeritage(heritageName, Object.getPrototypeOf(fn), at));
    return { free, isSent: true };
  }

  #captureVariable(free: FreeVariable, context: CaptureContext, node: FunctionNode, isOwnName: boolean): void {
    const variable = this.#writer.lookAt(
      () => placeOf(free, context.script, context.place),
      () => this.#variables.capture(free, context),
    );
    if (variable === undefined) return;
    if (isOwnName) node.variables.push(variable);
    const isOfModule = !isOwnName && this.scopes.addVariable(context.user, free, variable);
    // Only this closure, or those made in the same call, have the variable that it assigns to.
    if (free.isWritten && !isOfModule) this.#writer.state.add(context.fn);
  }

  /** Captures `this` and `import.meta`, under the names that stand for them in the source. */
  #captureNamesOfShape(fn: AnyFunction, shape: FunctionShape, context: CaptureContext, node: FunctionNode): void {
    const { script, found, place } = context;
    if (shape.thisName !== undefined) {
      const read = readInside(this.#inspector, fn, { script, found }, "this");
      const position = sourcePosition(script, found.start);
      const at = { holder: { ...place, position }, step: THIS_STEP, position };
      if (read === undefined) this.#writer.refuse(at, UNREADABLE_THIS, VARIABLE_ADVICE);
      else node.variables.push(this.#variables.captureThis(shape.thisName, read.value, at));
    }
    if (shape.importMetaName !== undefined) {
      node.variables.push(this.#variables.captureImportMeta(shape.importMetaName, context, found));
    }
  }

  #writeOwnProperties(fn: AnyFunction, node: FunctionNode, origin: Origin, place: Place): void {
    /** What the source gives: its methods, and all that is hidden and no object (a static block's defineProperty). */
    const isOfClass = (key: string | symbol, descriptor: PropertyDescriptor): boolean => {
      if (!node.isClass || descriptor.enumerable === true) return false;
      if (isFunctional(descriptor)) return this.#isOwnElement(fn, "class", key, descriptor, origin, place);
      return typeof descriptor.value !== "object";
    };
    this.values.properties.write(fn, node, place, (key, descriptor) => {
      return !isStandardProperty(key, descriptor) && !isOfClass(key, descriptor);
    });
    if (node.properties !== undefined) this.#writer.noteMutable(fn, place);
  }

  #writePrototype(fn: AnyFunction, node: FunctionNode, origin: Origin, heritage: Heritage, place: Place): void {
    const descriptor = Object.getOwnPropertyDescriptor(fn, "prototype");
    const prototype: unknown = descriptor?.value;
    if (typeof prototype !== "object" || prototype === null) return;
    const step: Place = { holder: place, step: ".prototype" };
    if ((prototype as { constructor?: unknown }).constructor !== fn) {
      // A generator function's prototype is an empty object of its own; only a replaced one matters.
      if (!Object.hasOwn(prototype, "constructor") && Reflect.ownKeys(prototype).length === 0) return;
      const link = this.values.linkPrototype(prototype, step);
      node.properties = [...(node.properties ?? []), ["prototype", link, WRITABLE]];
      this.#writer.noteMutable(fn, place);
      return;
    }
    const parts: ObjectParts = {};
    this.values.properties.write(prototype, parts, step, (key, descriptor) => {
      if (key === "constructor") return false;
      if (!node.isClass || descriptor.enumerable === true) return true;
      return isFunctional(descriptor) && !this.#isOwnElement(fn, "prototype", key, descriptor, origin, step);
    });
    if (!hasUsualPrototype(fn, prototype, heritage)) {
      const parent = Object.getPrototypeOf(prototype) as object | null;
      parts.proto = parent === null ? null : this.values.linkPrototype(parent, { holder: step, step: ".__proto__" });
    }
    if (parts.properties === undefined && parts.proto === undefined) return;
    this.#writer.noteMutable(fn, place);
    this.#writer.noteContents(prototype);
    const of = this.values.linkPrototype(prototype, step);
    const target = this.#writer.nodes[(of as readonly [number])[0]];
    Object.assign(target as object, parts);
  }

  /** Whether a method or accessor of a class is just what stands in its source, so that the copy has it already. */
  #isOwnElement(
    fn: AnyFunction,
    place: "prototype" | "class",
    key: string | symbol,
    descriptor: PropertyDescriptor,
    origin: Origin,
    at: Place,
  ): boolean {
    if (!isWrittenInClass({ fn, ...origin }, place, key, descriptor, this.#inspector)) return false;
    const given = functionsIn(descriptor).filter(hasOwnProperties);
    if (given.length === 0) return true;
    // What it has been given is added to the method that the copy has: a method that uses super can't leave its class.
    if (typeof key === "symbol" || typeof descriptor.value !== "function") return false;
    const [method = fn] = given;
    const known = this.#writer.known(method);
    if (known !== undefined) return this.#writer.nodes[(known as readonly [number])[0]]?.kind === "member";
    const path = place === "class" ? [key] : ["prototype", key];
    this.#addMember(method, this.values.link(fn, at), path, { holder: at, step: propertyStep(key) });
    return true;
  }
}
