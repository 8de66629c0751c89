/** Writes values into the graph: data by itself, functions through the function encoder. */

import { inspect } from "node:util";
import { types } from "node:util";

import { isDisposable } from "../../memory/dispose.js";
import { referTo } from "../../memory/reference.js";
import { refuseShared } from "../../memory/reference.js";
import type { FunctionInspector } from "../look/function-inspector.js";
import type { DataNode } from "../graph/format.js";
import type { Link } from "../graph/format.js";
import { ExternalLinks } from "./external-links.js";
import type { GraphWriter } from "./graph-writer.js";
import { MAX_FUNCTIONS } from "./graph-writer.js";
import type { Place } from "./graph-writer.js";
import { pathOf } from "./graph-writer.js";
import { lazyGlobal } from "../refer/known-values.js";
import { objectKind } from "./object-kind.js";
import type { ObjectKind } from "./object-kind.js";
import { privateStateRefusal } from "./object-kind.js";
import type { Refusal } from "./object-kind.js";
import { refusalOf } from "./object-kind.js";
import { InstanceClasses } from "./instance-classes.js";
import { PropertyWriter } from "./property-writer.js";
import { isDense } from "./object-parts.js";
import { evaluationOf } from "../refer/provenance.js";
import { encodeInstance } from "../../values/classes/class-registry.js";
import { WeakEntries } from "./weak-entries.js";
import { hasHooks } from "../../values/classes/class-registry.js";
import { KIND } from "../../values/classes/classify.js";
import { classify } from "../../values/classes/classify.js";
import { ownConstructor } from "../../values/classes/classify.js";
import { TAG_PREFIX } from "../../values/classes/host-classes.js";
import { extensionOf } from "../../values/classes/extensions.js";
import type { Extension } from "../../values/classes/host-classes.js";
import { isStub } from "../../values/classes/process-bound.js";
import type { InstanceHooks } from "../../values/classes/class-registry.js";

/** What the value encoder needs from the function encoder. */
export interface FunctionLinker {
  linkFunction: (fn: (...args: never[]) => unknown, place: Place) => Link;
  /** Whether the function's code is not the program's: native, or inside Node. */
  isNative: (fn: object) => boolean;
}

const INDEX = /^(?:0|[1-9]\d{0,9})$/;

/** Kinds that can't change without being noticed as another value: a pickle that holds only these can be kept. */
function isImmutable(kind: ObjectKind["node"]): boolean {
  return kind.kind === "regexp" && !/[gy]/.test(kind.flags) && kind.lastIndex === 0;
}

/** Writes captured values. */
export class ValueEncoder {
  /** What WeakMaps and WeakSets hold, to be written when all else is. */
  readonly weakEntries: WeakEntries;
  /** What the worker finds by itself. */
  readonly externals: ExternalLinks;
  readonly properties: PropertyWriter;
  readonly #writer: GraphWriter;
  readonly #inspector: FunctionInspector;
  readonly #functions: FunctionLinker;
  readonly #classes: InstanceClasses;

  constructor(writer: GraphWriter, inspector: FunctionInspector, functions: FunctionLinker) {
    this.#writer = writer;
    const link = (value: unknown, place: Place): Link => this.link(value, place);
    this.weakEntries = new WeakEntries(writer, link);
    this.externals = new ExternalLinks(writer, (fn) => functions.isNative(fn));
    this.properties = new PropertyWriter(this.externals, link);
    this.#inspector = inspector;
    this.#functions = functions;
    this.#classes = new InstanceClasses(inspector, functions);
  }

  /** The link to a value, whatever it is; undefined (and a problem noted) for one that can't travel. */
  link(value: unknown, place: Place): Link {
    if (typeof value === "symbol") return this.externals.symbol(value);
    if ((typeof value !== "object" && typeof value !== "function") || value === null) return value as Link;
    const known = this.#writer.known(value);
    if (known !== undefined) return known;
    const external = this.externals.link(value);
    if (external !== undefined) return external;
    if (types.isProxy(value) && !isStub(value)) {
      return this.#writer.refuse(place, "a Proxy can't be looked into", "Pass the object behind it as an argument");
    }
    const evaluation = evaluationOf(value);
    if (evaluation !== undefined) {
      const of = this.link(evaluation, place);
      return this.#writer.add(value, { kind: "evaluated", of });
    }
    if (typeof value === "function") {
      if (this.#writer.held.size > MAX_FUNCTIONS) return this.#writer.refuseMore(place);
      return this.#functions.linkFunction(value as (...args: never[]) => unknown, place);
    }
    return this.#linkObject(value, place);
  }

  #linkObject(value: object, place: Place): Link {
    const refusal = refusalOf(value);
    if (refusal !== undefined) return this.#memberOr(refusal, value, place);
    if (this.#isPrototypeOfClass(value)) return this.linkPrototype(value, place);
    const extension = classify(value) === KIND.extension ? extensionOf(value) : undefined;
    if (extension !== undefined) return this.#linkHost(value, extension, place);
    const prototype = Object.getPrototypeOf(value) as object | null;
    const hooked = prototype === null ? undefined : ownConstructor(prototype);
    if (hooked !== undefined && hasHooks(hooked)) return this.#linkInstance(value, hooked, place);
    if (ArrayBuffer.isView(value) || types.isArrayBuffer(value)) {
      const gone = refuseShared(value);
      if (gone !== undefined) return this.#writer.refuse(place, gone, "Dispose it when no task needs it any more");
      // It stands firm: what is in the memory is seen by everybody.
      const reference = referTo(value);
      if (reference !== undefined) return this.#writer.add(value, { kind: "memory", reference });
    }
    return this.#linkData(value, place);
  }

  /** An object that is written with its contents. */
  #linkData(value: object, place: Place): Link {
    const kind = objectKind(value, (buffer) => {
      const link = this.link(buffer, place);
      return Array.isArray(link) ? (link as readonly [number]) : [-1];
    });
    const kept = this.#classes.prototypeOf(value, kind);
    if (kept !== kind.prototype && kept !== null) {
      const instanceRefusal = this.#classes.refusalOf(value, kind);
      const global = instanceRefusal && lazyGlobal(value);
      if (global !== undefined) return this.#writer.external(global);
      if (instanceRefusal) return this.#memberOr(instanceRefusal, value, place);
    }
    const standsFirm = isImmutable(kind.node) || (/^(?:object|array)$/.test(kind.node.kind) && Object.isFrozen(value));
    if (!standsFirm) this.#writer.noteMutable(value, place);
    const { node } = kind;
    const link = this.#writer.add(value, node);
    if (node.kind === "weakMap" || node.kind === "weakSet") this.weakEntries.add(value, link[0], place);
    this.#writer.later(() => {
      if (kept === null) node.proto = null;
      else if (kept !== kind.prototype) {
        node.proto = this.linkPrototype(kept, { holder: place, step: ".__proto__" });
      }
      this.#fill(value, node, place);
    });
    return link;
  }

  #memberOr({ problem, advice }: Refusal, value: object, place: Place): Link {
    return this.externals.memberOf(value) ?? this.#writer.refuse(place, problem, advice);
  }

  /** An instance of a class of Node's, an executor, a logger: as it travels in arguments. */
  #linkHost(value: object, extension: Extension, place: Place): Link {
    const { tag } = extension;
    let content: unknown;
    try {
      content = extension.encode(value, pathOf(place).path);
    } catch (error) {
      return this.#writer.refuse(place, `it can't be copied (${String(error)})`, "Make it inside the task");
    }
    if (extension.isImmutable !== true) this.#writer.noteUnsteady(value, place);
    const node: DataNode & { kind: "host" } = { kind: "host", tag, content };
    const link = this.#writer.add(value, node);
    const own = Object.getPrototypeOf(value) as object;
    if (!tag.startsWith(TAG_PREFIX) || tag === TAG_PREFIX + String(ownConstructor(own)?.name)) return link;
    // A class of the program's own that extends one of Node's, or a hidden one of Node's.
    if (this.#classes.isOfNative(own)) return link;
    const base = this.#inspector.privateNames(extension.decode(content));
    const names = this.#inspector.privateNames(value).filter((each) => !base.includes(each));
    if (names.length > 0) {
      const { problem, advice } = privateStateRefusal(names);
      return this.#writer.refuse(place, problem, advice);
    }
    this.#writer.later(() => {
      node.proto = this.linkPrototype(own, { holder: place, step: ".__proto__" });
      this.#fill(value, node, place);
    });
    return link;
  }

  /** An instance of a class that sends its instances itself. */
  #linkInstance(value: object, hooks: InstanceHooks, place: Place): Link {
    let plain: unknown;
    try {
      plain = hooks[encodeInstance](value);
    } catch (error) {
      return this.#writer.refuse(place, `[encodeInstance] of its class threw ${String(error)}`, "Mend that method");
    }
    this.#writer.noteUnsteady(value, place);
    const node = { kind: "instance" as const, of: undefined as Link, plain: undefined as Link };
    const link = this.#writer.add(value, node);
    this.#writer.later(() => {
      node.of = this.link(hooks, { holder: place, step: ".constructor" });
      node.plain = this.link(plain, { holder: place, step: " (encoded)", isFresh: true });
    });
    return link;
  }

  #fill(value: object, node: ObjectKind["node"], place: Place): void {
    const { isFresh } = place;
    const at = (step: string): Place => ({ holder: place, step, isFresh });
    const linkItem = (item: unknown, index: number): Link =>
      typeof item === "object" || typeof item === "function" || typeof item === "symbol"
        ? this.link(item, at(`[${index}]`))
        : (item as Link);
    if (node.kind === "array") {
      // Of an array with holes, the items travel as properties: it may be longer than any loop should be.
      if (isDense(value as unknown[])) node.items = (value as unknown[]).map((item, index) => linkItem(item, index));
    } else if (node.kind === "map") {
      for (const [key, item] of Map.prototype.entries.call(value) as MapIterator<[unknown, unknown]>) {
        const shown = typeof key === "object" || typeof key === "function" ? "..." : inspect(key);
        node.entries.push([this.link(key, at(".keys()")), this.link(item, at(`.get(${shown})`))]);
      }
    } else if (node.kind === "set") {
      for (const item of Set.prototype.values.call(value) as SetIterator<unknown>) {
        node.items.push(this.link(item, at(".values()")));
      }
    }
    const isIndexed =
      (node.kind === "array" && node.items !== undefined) || node.kind === "view" || node.kind === "boxed";
    const isOwnPart = (key: string | symbol): boolean =>
      (isIndexed && typeof key === "string" && INDEX.test(key)) ||
      ((isIndexed || node.kind === "array") && key === "length") ||
      (node.kind === "regexp" && key === "lastIndex") ||
      // Node keeps state there.
      (node.kind === "host" && typeof key === "symbol") ||
      (node.kind === "view" && key === Symbol.dispose && isDisposable(value));
    this.properties.write(value, node, place, (key) => !isOwnPart(key));
  }

  #isPrototypeOfClass(value: object): boolean {
    // Where it is an accessor (axios makes all of a class read-only), it has to be run: nothing else tells the class.
    if (Object.getOwnPropertyDescriptor(value, "constructor")?.get === undefined) {
      return ownConstructor(value)?.prototype === value;
    }
    try {
      return (value.constructor as { readonly prototype?: unknown } | null)?.prototype === value;
    } catch {
      return false;
    }
  }

  /** The link to a prototype: through its class where it has one. */
  linkPrototype(prototype: object, place: Place): Link {
    if (!this.#isPrototypeOfClass(prototype)) {
      this.#classes.addPrototype(prototype);
      return this.link(prototype, place);
    }
    const known = this.#writer.known(prototype) ?? this.externals.link(prototype);
    if (known !== undefined) return known;
    const of = this.link(prototype.constructor, { holder: place, step: ".constructor" });
    return this.#writer.known(prototype) ?? this.#writer.add(prototype, { kind: "prototypeOf", of });
  }
}
