/**
 * The wire form of a pickled function: a list of nodes in plain data, for `v8.serialize`.
 *
 * A value inside a node is a link: a primitive stands for itself, `[n]` stands for node `n`. So shared references
 * and cycles cost nothing special, and a long array of numbers stays a long array of numbers.
 *
 * The reader trusts the writer (evaluating its code is the purpose), but never looks anything up by a name from the
 * wire except with `Object.hasOwn`.
 */

import type { ClassMark } from "../../values/classes/announced-classes.js";
import type { MemoryReference } from "../../memory/reference.js";

/** A value that a link holds itself. */
export type Primitive = string | number | bigint | boolean | null | undefined;

/** A primitive, or `[index of a node]`. */
export type Link = Primitive | readonly [node: number];

/** The bits of a property's flags. */
export const WRITABLE = 1;
/** See `WRITABLE`. */
export const ENUMERABLE = 2;
/** See `WRITABLE`. */
export const CONFIGURABLE = 4;
/** The second item of the property is its getter, the fourth its setter. */
export const ACCESSOR = 8;
/** The flags of an ordinary property. */
export const PLAIN: number = WRITABLE | ENUMERABLE | CONFIGURABLE;

/** Key (a string, or a link to a symbol), value, flags (absent: an ordinary data property), setter. */
export type PropertyRecord = readonly [key: string | readonly [node: number], value: Link, flags?: number, set?: Link];

/** How far an object is closed to changes; the later ones include the earlier ones. */
export const EXTENSIBLE = 0;
/** See `EXTENSIBLE`. */
export const NOT_EXTENSIBLE = 1;
/** See `EXTENSIBLE`. */
export const SEALED = 2;
/** See `EXTENSIBLE`. */
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

/**
 * The object that members of a module are in, as far as they are used: its `exports`, or what Vite makes of an import.
 */
export interface MembersNode {
  readonly kind: "members";
  readonly module: number;
  readonly name: string;
}

/** A variable that a function uses and does not declare. */
export interface CapturedVariable {
  readonly name: string;
  link: Link;
  /** Whether some code assigns to it after its declaration. */
  readonly isReassigned: boolean;
  /** Whether the evaluation of a class reads it (heritage, computed keys, static parts), not only a call. */
  readonly isEager: boolean;
  /** Whether it is the worker's own: `initializer` or `configurer` assigns to it. */
  readonly isOwned?: true;
}

/** How the text of a function has to be written around to be compiled alone. */
export type SourceForm = "expression" | "method" | "getter" | "setter" | "declaration";

/**
 * The text of a function, where it stands, and the names that it has from around it, each of them a slot that is
 * filled.
 */
export interface FunctionCode {
  readonly source: string;
  readonly form: SourceForm;
  /** Name of the binding, for the form "declaration" only. */
  readonly declaredName?: string;
  readonly isStrict: boolean;
  /** Position of the first character of the source in its file, counted from 0. */
  readonly line: number;
  readonly column: number;
  /** Slots that hold the same whenever the function is made: imports, `require`, globals. */
  readonly fixed: readonly string[];
  /** Slots that hold variables of the module which nothing assigns to. */
  readonly ofModule: readonly string[];
  /** Slots that hold variables of the functions around it. */
  readonly local: readonly string[];
  /** The scope of the unit that it stands in; -1: none. */
  readonly scope: number;
}

/** Variables that some code assigns to, each one binding for all functions of a unit that stand in the scope. */
export interface UnitScope {
  /** The scope around it; -1: none. */
  readonly parent: number;
  readonly names: readonly string[];
}

/** Functions that are compiled together, as they use variables that some code assigns to. */
export interface CodeUnit {
  /** URL (or script name) shown in stacks and used to resolve `import()`. */
  readonly url: string;
  /** The module whose variables are in the first scope; the worker compiles such a unit once. */
  readonly module?: number;
  /** Tells the units of a module apart. */
  readonly key?: string;
  readonly scopes: readonly UnitScope[];
  readonly codes: readonly FunctionCode[];
}

/** One instance of a unit's scope: what one call of a function of the program had as its variables. */
export interface Frame {
  readonly unit: number;
  readonly scope: number;
  /** The frame around it; absent where that is the module's. */
  readonly parent?: number;
  readonly variables: CapturedVariable[];
}

/** A variable of a module (or a member of its `exports`) as it was when the function was submitted. */
export interface ModuleEntry {
  readonly name: string;
  readonly link: Link;
  /** Tells whether it is the value that was last set in the worker. */
  stamp: string;
  /** Whether it is the worker's: the value is set only where it has none. */
  readonly isOwned?: true;
}

/** What a pickle holds of one evaluated module of the program. */
export interface ModuleRecord {
  readonly key: string;
  readonly entries: ModuleEntry[];
}

/** A function or class that travels by value. */
export interface FunctionNode extends ObjectParts {
  readonly kind: "function";
  readonly isClass: boolean;
  /** Absent where the class has a static member called name. */
  readonly name: string | undefined;
  /** What its own slots hold. */
  readonly variables: CapturedVariable[];
  unit: number;
  /** Its place in the unit. */
  code: number;
  /** The frame that it stands in; absent: the module's, or none. */
  frame?: number;
  /** The module that it is of, and the entries that it uses. */
  module?: number;
  uses?: string[];
  /** Of a class, those of these that its evaluation reads. */
  eager?: string[];
  /** Of what is one object in a worker, whatever brings it: tells it from others of the module. */
  identity?: string;
  /** Such a one is a class that a function makes, maybe again and again: it is not kept. */
  isMadeAnew?: true;
  /** Of such a one: tells the states of what it was given: properties, prototypes. */
  stamp?: string;
  /** Of a class whose instances travel as such: its name in the registry of classes. */
  registeredAs?: string;
}

/** A value that is neither a function nor a reference to something that the worker has. */
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
    /** One in a worker for one in the program; what it holds is among the graph's `weakEntries`. */
    | { readonly kind: "weakMap" | "weakSet"; readonly id: number }
    | { readonly kind: "date"; readonly time: number }
    | { readonly kind: "regexp"; readonly source: string; readonly flags: string; readonly lastIndex: number }
    /** `dom`: message and name of a `DOMException`, which only its constructor sets. */
    | { readonly kind: "error"; readonly dom?: readonly [message: string, name: string] }
    | { readonly kind: "boxed"; readonly value: Link }
    /** An instance of a class that has a way of its own (values/classes/extensions): what it is sent as. */
    | { readonly kind: "host"; readonly tag: string; readonly content: unknown }
    | { readonly kind: "arrayBuffer"; readonly bytes: Uint8Array }
    | {
        readonly kind: "view";
        /** Of a `Buffer`, its bytes alone. */
        readonly bytes?: Uint8Array;
        /**
         * Of all others: the number of the class (memory/view-types), and a stretch of a buffer that several may
         * share.
         */
        readonly type?: number;
        readonly buffer?: Link;
        readonly byteOffset?: number;
        readonly sizeBytes?: number;
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

/** A node of the graph. */
export type GraphNode = ExternalNode | MembersNode | FunctionNode | DataNode | DerivedNode;

/** An import that a worker runs before it builds a function of the module that makes it. */
export interface SideImport {
  /** URL of the module. */
  readonly url: string;
  readonly specifier: string;
  /** Whether it is a `require`. */
  readonly isRequired: boolean;
  /** Where the module uses what it imports: the package. Absent for an import that is made for its effects only. */
  readonly ofPackage?: string | undefined;
}

/** An entry of a WeakMap or WeakSet: the nodes of the collection and of the key, and the value of a WeakMap's. */
export type WeakEntry = readonly [collection: number, key: number, value: Link];

/** A pickle: numbered nodes, and what its functions share. */
export interface PickleGraph {
  readonly root: Link;
  readonly nodes: readonly GraphNode[];
  readonly modules: readonly ModuleRecord[];
  readonly units: readonly CodeUnit[];
  readonly frames: readonly Frame[];
  /** Those whose keys are in the graph anyway. */
  readonly weakEntries?: readonly WeakEntry[];
  /** Registered classes that the worker imports: the name of each, and its node. */
  readonly classes?: readonly (readonly [name: string, node: number])[];
  /** Registered classes that the worker may load by itself. */
  readonly registered?: readonly ClassMark[];
  /** What is to be run before anything is built, in this order. */
  readonly sideImports?: readonly SideImport[];
  /** By the URL of the script; absent in a process without source maps. */
  readonly sourceMapUrls?: ReadonlyMap<string, string>;
}
