/** Links to what a worker finds by itself: what every process has, imports, and members of these. */

import { types } from "node:util";

import type { ExternalNode } from "../graph/format.js";
import type { Link } from "../graph/format.js";
import type { GraphWriter } from "./graph-writer.js";
import type { Place } from "./graph-writer.js";
import { isOfLanguage } from "../refer/known-values.js";
import { intrinsicNode } from "../refer/intrinsics.js";
import { knownSymbol } from "../refer/known-values.js";
import { knownValue } from "../refer/known-values.js";
import { importsOf } from "../variables/free-variables.js";
import { findMember } from "../variables/import-members.js";
import type { ImportRoot } from "../variables/import-members.js";
import type { ScriptSource } from "../look/script-source.js";
import { externalOf } from "../refer/provenance.js";
import { commonjsFiles } from "../refer/find-export.js";
import { commonjsNode } from "../refer/find-export.js";
import { describeSymbol } from "../refer/unique-symbols.js";
import { hasNativeCode } from "../../values/classes/classify.js";

/** Finds the values that need not travel, and links to them. */
export class ExternalLinks {
  readonly #writer: GraphWriter;
  readonly #isNative: (fn: object) => boolean;
  #commonjsFiles: ReadonlyMap<object, string> | undefined;
  readonly #namespaces = new Map<unknown, ExternalNode>();
  /** The imports of the scripts that functions come from. */
  readonly #imports = new Map<ScriptSource, readonly ImportRoot[]>();

  /** @param isNative - Whether a function's code is not the program's: native, or inside Node. */
  constructor(writer: GraphWriter, isNative: (fn: object) => boolean) {
    this.#writer = writer;
    this.#isNative = isNative;
  }

  /** The link to such a value, functions of user modules left out. */
  link(value: object): Link {
    this.#commonjsFiles ??= commonjsFiles();
    const node =
      externalOf(value) ??
      this.#knownValue(value) ??
      commonjsNode(this.#commonjsFiles.get(value)) ??
      this.#namespaces.get(value) ??
      intrinsicNode(value);
    if (node === undefined) return undefined;
    const link = this.#writer.external(node);
    this.#writer.noteFound(value, link);
    return link;
  }

  /**
   * What every process has. A function that the program has hung on an object of the language is its own all the same.
   */
  #knownValue(value: object): ExternalNode | undefined {
    const node = knownValue(value);
    if (typeof value !== "function" || node?.kind !== "global" || node.path.length < 2) return node;
    const isOwn = !hasNativeCode(value) && !this.#isNative(value);
    return isOwn && !isOfLanguage(node.path) ? undefined : node;
  }

  /** Tells what a script imports: a module's namespace is found there, wherever it may turn up. */
  addImports(script: ScriptSource, read: (name: string) => unknown): void {
    if (this.#imports.has(script)) return;
    const roots = Array.from(importsOf(script), ([local, node]) => ({ node, value: read(local) }));
    this.#imports.set(script, roots);
    for (const { node, value } of roots) if (types.isModuleNamespaceObject(value)) this.#namespaces.set(value, node);
  }

  /** The link to a value that can't be copied, but which an import has as a member. */
  memberOf(value: object): Link {
    const modules = Array.from(this.#commonjsFiles ?? [], ([exports, filename]) => {
      return { node: { kind: "commonjs", filename, path: [] } as const, value: exports };
    });
    const node = findMember([...[...this.#imports.values()].flat(), ...modules], value);
    return node && this.#writer.external(node);
  }

  /** The link to a symbol. @param keyAt - Where it is a key. */
  symbol(symbol: symbol, keyAt?: Place): readonly [number] {
    const known = knownSymbol(symbol);
    if (known === undefined) this.#writer.noteSymbol(symbol, keyAt);
    return this.#writer.external(known ?? { kind: "uniqueSymbol", ...describeSymbol(symbol) });
  }
}
