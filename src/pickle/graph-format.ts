/**
 * The wire form of a pickled function: a list of nodes in plain data, for `v8.serialize`.
 *
 * A value inside a node is a link: a primitive stands for itself, `[n]` stands for node `n`. So shared references
 * and cycles cost nothing special, and a long array of numbers stays a long array of numbers.
 *
 * The reader trusts the writer (evaluating its code is the purpose), but never looks anything up by a name from the
 * wire except with `Object.hasOwn`.
 */

import type { MemoryReference } from "../memory/reference.js";

export type Primitive = string | number | bigint | boolean | null | undefined;

/** A primitive, or `[index of a node]`. */
export type Link = Primitive | readonly [node: number];

export const WRITABLE = 1;
export const ENUMERABLE = 2;
export const CONFIGURABLE = 4;
/** The second item of the property is its getter, the fourth its setter. */
export const ACCESSOR = 8;
export const PLAIN: number = WRITABLE | ENUMERABLE | CONFIGURABLE;

/** Key (a string, or a link to a symbol), value, flags (absent: an ordinary data property), setter. */
export type PropertyRecord = readonly [key: string | readonly [node: number], value: Link, flags?: number, set?: Link];

export const EXTENSIBLE = 0;
export const NOT_EXTENSIBLE = 1;
export const SEALED = 2;
export const FROZEN = 3;

/** What every object node carries beside its own kind's data. */
export interface ObjectParts {
  /** Absent: the usual prototype of this kind. */
  proto?: Link;
  /** Filled in after the node got its number, so that cycles find it. */
  properties?: PropertyRecord[];
  /** Absent: extensible. */
  integrity?: number;
}

/** Values that the worker finds by itself: nothing of them travels but where they are. */
export type ExternalNode =
  | { readonly kind: "symbol"; readonly registryKey?: string; readonly wellKnown?: string }
  | { readonly kind: "uniqueSymbol"; readonly id: string; readonly description?: string }
  | { readonly kind: "intrinsic"; readonly name: string }
  | { readonly kind: "global"; readonly path: readonly string[] }
  | {
      readonly kind: "builtin";
      readonly module: string;
      readonly path: readonly string[];
      readonly isNamespace?: true;
    }
  | {
      readonly kind: "import";
      /** As written in the source; resolved relative to `referrer`. */
      readonly specifier: string;
      readonly referrer: string;
      readonly attributes?: Readonly<Record<string, string>>;
      /** Empty: the namespace itself. The first item is the export's name. */
      readonly path: readonly string[];
    }
  | { readonly kind: "commonjs"; readonly filename: string; readonly path: readonly string[] }
  | { readonly kind: "require"; readonly filename: string }
  | { readonly kind: "importMeta"; readonly url: string }
  /** Vite's stand-in for `import()`; `root` is where its paths begin. */
  | { readonly kind: "importFunction"; readonly referrer: string; readonly root: string }
  | {
      /** What `__importStar`, `__importDefault` and `__toESM` make of a CommonJS module. */
      readonly kind: "interop";
      readonly module: ExternalNode;
      readonly keys: readonly string[];
      /** Whether `default` is the module itself rather than a property of it. */
      readonly isDefaultTheModule: boolean;
    };

/** A variable that a function uses and does not declare. */
export interface CapturedVariable {
  readonly name: string;
  link: Link;
  /** Whether some code assigns to it after its declaration. */
  readonly isReassigned: boolean;
  /** Whether the evaluation of a class reads it (heritage, computed keys, static parts), not only a call. */
  readonly isEager: boolean;
}

export type SourceForm = "expression" | "method" | "getter" | "setter" | "declaration";

export interface FunctionNode extends ObjectParts {
  readonly kind: "function";
  readonly source: string;
  readonly form: SourceForm;
  readonly isClass: boolean;
  /** Name of the binding, for the form "declaration" only. */
  readonly declaredName?: string;
  readonly isStrict: boolean;
  /** URL (or script name) shown in stacks and used to resolve `import()`. */
  readonly url: string;
  /** Position of the first character of the source in its file, counted from 0. */
  readonly line: number;
  readonly column: number;
  /** Absent where the class has a static member called name. */
  readonly name: string | undefined;
  readonly variables: CapturedVariable[];
  /** Of a class whose instances travel as such: its name in the registry of classes. */
  registeredAs?: string;
  /** Of such a class: tells the states apart in which it is sent. */
  version?: string;
  /** Such a class shares something that may change with others in this pickle. */
  isEntangled?: true;
}

export type TypedArrayName =
  | "Buffer"
  | "DataView"
  | "Int8Array"
  | "Uint8Array"
  | "Uint8ClampedArray"
  | "Int16Array"
  | "Uint16Array"
  | "Int32Array"
  | "Uint32Array"
  | "Float16Array"
  | "Float32Array"
  | "Float64Array"
  | "BigInt64Array"
  | "BigUint64Array";

export type DataNode = ObjectParts &
  /** Binary data in shared memory; see memory/reference. */
  (
    | { readonly kind: "memory"; readonly reference: MemoryReference }
    | { readonly kind: "object" }
    | {
        readonly kind: "array";
        readonly length: number;
        /** Absent: the array has holes, and its items are among its properties. */
        items?: Link[];
      }
    | { readonly kind: "map"; readonly entries: [Link, Link][] }
    | { readonly kind: "set"; readonly items: Link[] }
    | { readonly kind: "date"; readonly time: number }
    | { readonly kind: "regexp"; readonly source: string; readonly flags: string; readonly lastIndex: number }
    | { readonly kind: "error" }
    | { readonly kind: "boxed"; readonly value: Link }
    | { readonly kind: "url"; readonly href: string }
    | { readonly kind: "urlSearchParams"; readonly text: string }
    | { readonly kind: "textEncoder" }
    | {
        readonly kind: "textDecoder";
        readonly encoding: string;
        readonly isFatal: boolean;
        readonly ignoresBom: boolean;
      }
    | { readonly kind: "arrayBuffer"; readonly bytes: Uint8Array }
    | {
        readonly kind: "view";
        readonly type: TypedArrayName;
        /** Either the bytes alone, or a stretch of a shared buffer. */
        readonly bytes?: Uint8Array;
        readonly buffer?: Link;
        readonly byteOffset?: number;
        readonly length?: number;
      }
  );

/** Values that exist only once another node does. */
export type DerivedNode = ObjectParts &
  (
    | { readonly kind: "bound"; readonly target: Link; readonly boundThis: Link; readonly boundArgs: readonly Link[] }
    | { readonly kind: "prototypeOf"; readonly of: Link }
    /** The value of `of[path...]`, a method of a captured class. */
    | { readonly kind: "member"; readonly of: Link; readonly path: readonly string[] }
    /** What the hook `[decodeInstance]` of a class makes of this. */
    | { readonly kind: "instance"; of: Link; plain: Link }
    /** What this function gives for these arguments: `promisify(f)`. */
    | { readonly kind: "called"; of: Link; readonly args: Link[] }
    /** What a call of this (synthetic) function gives: an initialiser such as `require("debug")("app")`. */
    | { readonly kind: "evaluated"; readonly of: Link }
  );

export type GraphNode = ExternalNode | FunctionNode | DataNode | DerivedNode;

/** Functions of one script that share variables which one of them assigns to: they are compiled together. */
export interface SharedVariables {
  readonly functions: readonly number[];
  readonly variables: readonly CapturedVariable[];
}

/** An import that a module makes for its effects only. */
export interface SideImport {
  /** URL of the module. */
  readonly url: string;
  readonly specifier: string;
  /** Whether it is a `require`. */
  readonly isRequired: boolean;
}

export interface PickleGraph {
  readonly root: Link;
  readonly nodes: readonly GraphNode[];
  readonly shared: readonly SharedVariables[];
  /** Registered classes that the worker imports: the name of each, and its node. */
  readonly classes?: readonly (readonly [name: string, node: number])[];
  /** What is to be run before anything is built, in this order. */
  readonly sideImports?: readonly SideImport[];
  /** By the URL of the script; absent in a process without source maps. */
  readonly sourceMapUrls?: ReadonlyMap<string, string>;
}
