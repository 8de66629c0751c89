/** What class an object is an instance of, and whether instances of that class can travel. */

import type { FunctionInspector } from "../look/function-inspector.js";
import { isStandardGlobal } from "../refer/known-values.js";
import { knownValue } from "../refer/known-values.js";
import { nativeInstanceRefusal } from "./object-kind.js";
import type { ObjectKind } from "./object-kind.js";
import { privateStateRefusal } from "./object-kind.js";
import type { Refusal } from "./object-kind.js";
import { prototypesOf } from "./object-parts.js";
import { ownConstructor } from "../../values/classes/classify.js";

const TYPED_ARRAY_PROTOTYPE = Object.getPrototypeOf(Uint8Array.prototype) as object;

/** Tells native functions from those of the program. */
interface NativeCheck {
  readonly isNative: (fn: object) => boolean;
}

function classNameAt(prototype: object): string {
  const name: unknown = ownConstructor(prototype)?.name;
  return typeof name === "string" ? name : "";
}

/** The classes of the instances in one pickle, and whether they can travel. */
export class InstanceClasses {
  readonly #inspector: FunctionInspector;
  readonly #functions: NativeCheck;
  /** Classes already looked at: an array of ten thousand instances costs one look. */
  readonly #refusals = new Map<object, Refusal | undefined>();
  readonly #prototypes = new WeakSet<object>();

  constructor(inspector: FunctionInspector, functions: NativeCheck) {
    this.#inspector = inspector;
    this.#functions = functions;
  }

  /**
   * Notes that others inherit from an object: `Object.create(Writable.prototype)` is no Writable, as no constructor
   * has made it.
   */
  addPrototype(prototype: object): void {
    this.#prototypes.add(prototype);
  }

  /** Errors of Node's own hidden classes arrive as what these extend: a TypeError with a code. */
  prototypeOf(value: object, kind: ObjectKind): object | null {
    if (kind.node.kind !== "error") {
      const prototype = Object.getPrototypeOf(value) as object | null;
      return prototype && this.#ofThisRealm(prototype);
    }
    const prototypes = prototypesOf(value).map((each) => this.#ofThisRealm(each));
    return prototypes.find((each) => knownValue(each) !== undefined || !this.isOfNative(each)) ?? null;
  }

  /** The prototypes of the language's own classes exist once in every realm (Jest's tests have one of their own). */
  #ofThisRealm(prototype: object): object {
    const constructor = ownConstructor(prototype);
    if (constructor?.prototype !== prototype || !isStandardGlobal(constructor.name)) return prototype;
    const own = (globalThis as unknown as Record<string, { readonly prototype?: object } | undefined>)[
      constructor.name
    ];
    if (own?.prototype === undefined || own.prototype === prototype) return prototype;
    return this.#functions.isNative(constructor) ? own.prototype : prototype;
  }

  /** Whether it is the prototype of a class that is native, or inside Node. */
  isOfNative(prototype: object): boolean {
    const constructor = ownConstructor(prototype);
    return constructor !== undefined && this.#functions.isNative(constructor);
  }

  /** Refuses instances of native classes, and of user classes with private state. */
  refusalOf(value: object, kind: ObjectKind): Refusal | undefined {
    if (this.#prototypes.has(value)) return this.#privateRefusal(value);
    const prototypes = prototypesOf(value).map((each) => this.#ofThisRealm(each));
    const [own = value] = prototypes;
    if (this.#refusals.has(own)) return this.#refusals.get(own);
    const isError = kind.node.kind === "error";
    const native = prototypes.find((each) => {
      if (each === Object.prototype || each === kind.prototype || isError) return false;
      // What esbuild makes of a CommonJS module whose export is a function: an object that inherits from
      // Function.prototype.
      if (each === Function.prototype) return false;
      if (each === TYPED_ARRAY_PROTOTYPE && kind.node.kind === "view") return false;
      const known = knownValue(each);
      // An object that inherits from a module (`Object.create(http)`) has no hidden state.
      return (known !== undefined && "path" in known && known.path.at(-1) === "prototype") || this.isOfNative(each);
    });
    const refusal =
      native === undefined
        ? this.#privateRefusal(value)
        : nativeInstanceRefusal(ownConstructor(native)?.name ?? "a native class", classNameAt(own), value);
    this.#refusals.set(own, refusal);
    return refusal;
  }

  #privateRefusal(value: object): Refusal | undefined {
    const names = this.#inspector.privateNames(value);
    return names.length > 0 ? privateStateRefusal(names) : undefined;
  }
}
