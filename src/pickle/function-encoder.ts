/** Writes functions and classes into the graph: by reference where a worker can import them, else by value. */

import type { FunctionInspector } from "./function-inspector.js";
import type { ClosureInfo } from "./function-inspector.js";
import { FACTORY_VARIABLE } from "./factory-registry.js";
import { isFactory } from "./factory-registry.js";
import { bodyOf } from "./arrow-this.js";
import { readThis } from "./arrow-this.js";
import { namespaceImports } from "./free-variables.js";
import { isWrittenInClass } from "./class-elements.js";
import { functionShape } from "./function-shape.js";
import { VARIABLE_ADVICE } from "./function-shape.js";
import type { FunctionShape } from "./function-shape.js";
import { WRITABLE } from "./graph-format.js";
import type { ExternalNode } from "./graph-format.js";
import type { FunctionNode } from "./graph-format.js";
import type { Link } from "./graph-format.js";
import type { GraphWriter } from "./graph-writer.js";
import type { Place } from "./graph-writer.js";
import { isStandardGlobal } from "./known-values.js";
import { lazyGlobal } from "./known-values.js";
import { referenceTo } from "./reference.js";
import { factorySource } from "./script-source.js";
import { scriptSource } from "./script-source.js";
import type { FoundFunction } from "./script-source.js";
import type { ScriptSource } from "./script-source.js";
import { SharingFinder } from "./sharing.js";
import { isMapWanted } from "./source-maps.js";
import { sourcePosition } from "./source-position.js";
import { staticKey } from "./syntax-tree.js";
import { ValueEncoder } from "./value-encoder.js";
import { lookUp } from "./variable-encoder.js";
import { placeOf } from "./variable-encoder.js";
import { VariableEncoder } from "./variable-encoder.js";
import { classNameOf } from "../wire/class-registry.js";

type AnyFunction = (...args: never[]) => unknown;

/** A function that was found in its script. */
interface Origin {
  readonly script: ScriptSource;
  readonly found: FoundFunction;
}

const UNREADABLE_THIS =
  "the `this` of the function around it can't be read without running some of it (a computed key in its parameters, or a static part of a class)";
const IN_A_FILE = "Write the function in a file, or export it from a module of its own";

/** Own properties that every function has by itself. */
const STANDARD_KEYS: ReadonlySet<string | symbol> = new Set(["length", "name", "prototype", "arguments", "caller"]);

export class FunctionEncoder {
  readonly #writer: GraphWriter;
  readonly #inspector: FunctionInspector;
  readonly #variables: VariableEncoder;
  readonly values: ValueEncoder;
  readonly sharing: SharingFinder = new SharingFinder();

  constructor(writer: GraphWriter, inspector: FunctionInspector) {
    this.#writer = writer;
    this.#inspector = inspector;
    this.values = new ValueEncoder(writer, inspector, this);
    this.#variables = new VariableEncoder(writer, this.values, (fn) => this.isImportable(fn));
  }

  /** Whether a worker can import the function, so that nothing of it travels. */
  isImportable(fn: object): boolean {
    return this.referenceOf(fn) !== undefined;
  }

  /** How another process can import the function. */
  referenceOf(fn: object): ExternalNode | undefined {
    const closure = this.#inspector.inspect(fn);
    const origin = this.#locate(fn, closure);
    return typeof origin === "object" ? referenceTo(fn, closure, origin.script, origin.found) : undefined;
  }

  isNative(fn: object): boolean {
    const { location, bound } = this.#inspector.inspect(fn);
    if (bound !== undefined) return false;
    return location === undefined || this.#inspector.scriptUrl(location.scriptId).startsWith("node:");
  }

  linkFunction(fn: AnyFunction, place: Place): Link {
    const closure = this.#inspector.inspect(fn);
    if (closure.bound !== undefined) return this.#linkBound(fn, closure.bound, place);
    const origin = this.#locate(fn, closure);
    if (typeof origin === "string") {
      const global = lazyGlobal(fn);
      return global === undefined ? this.#writer.refuse(place, origin, IN_A_FILE) : this.#writer.external(global);
    }
    const { script, found } = origin;
    const reference = referenceTo(fn, closure, script, found);
    if (reference !== undefined) {
      const link = this.#writer.external(reference);
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

  /** Finds the function in its script; a string says why it can't be found. */
  #locate(fn: object, closure: ClosureInfo): Origin | string {
    const { location } = closure;
    if (location === undefined) return "it is a native function, whose code is not JavaScript";
    const text = Function.prototype.toString.call(fn);
    const factory = lookUp(closure.scopes, FACTORY_VARIABLE).value;
    if (isFactory(factory)) {
      const script = factorySource(factory);
      const found = script.findFunction(text, location.line, location.column);
      if (found !== undefined) return { script, found };
    }
    if (this.#inspector.scriptUrl(location.scriptId).startsWith("node:")) {
      return "it is an internal function of Node.js, which no module exports";
    }
    const info = this.#inspector.script(location.scriptId);
    if (info === undefined) return "its source is no longer known";
    try {
      const script = scriptSource(info);
      const found = script.findFunction(text, location.line, location.column);
      return found === undefined ? "its source can't be found in its script" : { script, found };
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return `the source of ${info.url || "its script"} can't be parsed (${error.message})`;
    }
  }

  #linkBound(fn: AnyFunction, bound: NonNullable<ClosureInfo["bound"]>, place: Place): Link {
    const node = {
      kind: "bound" as const,
      target: undefined as Link,
      boundThis: undefined as Link,
      boundArgs: [] as Link[],
    };
    const link = this.#writer.add(fn, node);
    this.#writer.later(() => {
      node.target = this.values.link(bound.target, { holder: place, step: " (bound function)" });
      node.boundThis = this.values.link(bound.boundThis, { holder: place, step: " (bound this)" });
      node.boundArgs.push(
        ...bound.boundArgs.map((each, index) =>
          this.values.link(each, { holder: place, step: ` (bound argument ${index})` }),
        ),
      );
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
        return this.#writer.add(fn, { kind: "member", of: this.values.link(value, place), path });
      }
    }
    return undefined;
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
    const isDetached = own !== undefined && (own.isWritten || lookUp(closure.scopes, own.name).value !== fn);
    const node: FunctionNode = {
      kind: "function",
      source: shape.source,
      form: isDetached ? "declaration" : shape.form,
      isClass: shape.isClass,
      ...(isDetached && { declaredName: own.name }),
      isStrict: shape.isStrict,
      url: script.url,
      ...script.position(found.start),
      name: typeof name === "string" ? name : undefined,
      variables: [],
    };
    const link = this.#writer.add(fn, node);
    this.#writer.held.add(fn, shape.isClass);
    this.sharing.addFunction(link[0], found);
    const registeredAs = classNameOf(fn);
    if (registeredAs !== undefined) node.registeredAs = registeredAs;
    const { sourceMapUrl } = script.info;
    if (isMapWanted(script.url, sourceMapUrl)) this.#writer.sourceMapUrls.set(script.url, sourceMapUrl);
    for (const [local, node] of namespaceImports(script)) {
      this.values.addNamespace(lookUp(closure.scopes, local).value, node);
    }
    this.#writer.later(() => {
      const context = { script, scopes: closure.scopes };
      const { heritageName } = shape;
      const heritage = shape.free.find((each) => each.name === heritageName);
      const hasHeritage =
        heritageName !== undefined &&
        heritage?.external === undefined &&
        (heritage === undefined || heritage.variable !== null || !isStandardGlobal(heritageName));
      if (hasHeritage) {
        const at = heritage === undefined ? place : placeOf(heritage, script);
        node.variables.push(this.#variables.captureHeritage(heritageName, Object.getPrototypeOf(fn), at));
      }
      for (const free of shape.free) {
        if ((free === own && !isDetached) || (free === heritage && hasHeritage)) continue;
        const variable = this.#variables.capture(free, context);
        if (variable === undefined) {
          this.sharing.addGlobal(link[0], free);
          continue;
        }
        node.variables.push(variable);
        const isOfModule = this.sharing.add(link[0], script, found, free, variable);
        // Only this closure, or those made in the same call, have the variable that it assigns to.
        if (free.isWritten && !isOfModule) this.#writer.noteMutable(fn, place);
      }
      if (shape.thisName !== undefined) {
        const body = closure.location && bodyOf(script, found.node, closure.location.scriptId);
        const read = body && this.#inspector.withDebugger((port) => readThis(port, fn, body));
        const position = sourcePosition(script, found.start);
        const at = { holder: { ...place, position }, step: " (this)", position };
        if (read === undefined) this.#writer.refuse(at, UNREADABLE_THIS, VARIABLE_ADVICE);
        else node.variables.push(this.#variables.captureThis(shape.thisName, read.value, at));
      }
      if (shape.importMetaName !== undefined) {
        const meta = this.#variables.captureImportMeta(shape.importMetaName, context, found);
        node.variables.push(meta);
      }
      this.#writeOwnProperties(fn, node, { script, found }, place);
    });
    return link;
  }

  #writeOwnProperties(fn: AnyFunction, node: FunctionNode, { script, found }: Origin, place: Place): void {
    const isFunction = ({ value, get, set }: PropertyDescriptor): boolean =>
      typeof value === "function" || get !== undefined || set !== undefined;
    /** What the source gives: its methods, and all that is hidden and no object (a static block's defineProperty). */
    const isOfClass = (key: string | symbol, descriptor: PropertyDescriptor): boolean => {
      if (!node.isClass || descriptor.enumerable === true) return false;
      if (isFunction(descriptor)) return isWrittenInClass(script, found.node, "class", key, descriptor);
      return typeof descriptor.value !== "object";
    };
    this.values.writeProperties(fn, node, place, (key, descriptor) => {
      return !(STANDARD_KEYS.has(key) && !isFunction(descriptor)) && !isOfClass(key, descriptor);
    });
    if (node.properties !== undefined) this.#writer.noteMutable(fn, place);
    const descriptor = Object.getOwnPropertyDescriptor(fn, "prototype");
    const prototype: unknown = descriptor?.value;
    if (typeof prototype !== "object" || prototype === null) return;
    const step: Place = { holder: place, step: ".prototype" };
    if ((prototype as { constructor?: unknown }).constructor !== fn) {
      // A generator function's prototype is an empty object of its own; only a replaced one matters.
      if (!Object.hasOwn(prototype, "constructor") && Reflect.ownKeys(prototype).length === 0) return;
      node.properties = [...(node.properties ?? []), ["prototype", this.values.link(prototype, step), WRITABLE]];
      this.#writer.noteMutable(fn, place);
      return;
    }
    const parts: { proto?: Link; properties?: FunctionNode["properties"] } = {};
    this.values.writeProperties(prototype, parts as FunctionNode, step, (key, descriptor) => {
      if (key === "constructor") return false;
      if (!node.isClass || descriptor.enumerable === true) return true;
      return isFunction(descriptor) && !isWrittenInClass(script, found.node, "prototype", key, descriptor);
    });
    const parent: unknown = Object.getPrototypeOf(prototype);
    if (!node.isClass && parent !== Object.prototype) {
      parts.proto = parent === null ? null : this.values.linkPrototype(parent as object, step);
    }
    if (parts.properties === undefined && parts.proto === undefined) return;
    this.#writer.noteMutable(fn, place);
    const of = this.values.linkPrototype(prototype, step);
    const target = this.#writer.nodes[(of as readonly [number])[0]];
    Object.assign(target as object, parts);
  }
}
