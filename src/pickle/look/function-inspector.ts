/**
 * Looks inside functions with V8's inspector, in this process: where a function was written and what it captured.
 *
 *     sink ◀── the inspector hands live values over through one object that both sides can reach
 *
 * What does not work: `[[Scopes]]` without live values (the protocol gives copies of primitives only); leaving the
 * sink on `globalThis` (the user sees it, and in a vm context such as Jest's it is another global); leaving the
 * debugger enabled (code runs slower, and each new script costs an event). The sink hangs on the `node:inspector`
 * module, which all contexts share, for the time of one call; `Debugger.enable` lasts for one job at most. It is what
 * costs, since V8 then hashes and reports every script there is: so the scripts on the stack are told without
 * (`scripts.ts`).
 *
 * A debugger of the user's hears of each function that is called here (`Runtime.callFunctionOn` makes a script of it),
 * so there are as few as can be: one for the job, one for each function that is looked at.
 */

import process from "node:process";
import type { Session } from "node:inspector";

import { isKnownModule } from "./scripts.js";
import { knownHeader } from "./scripts.js";
import { knownScript } from "./scripts.js";
import { rememberParsed } from "./scripts.js";
import { rememberSource } from "./scripts.js";
import { rememberStack } from "./scripts.js";
import type { ScriptHeader } from "./scripts.js";
import type { ScriptInfo } from "./scripts.js";
import { sourceInFile } from "./scripts.js";
import type { StackFrame } from "./scripts.js";

const SINK_KEY = Symbol.for("asynccpu.inspector.sink");

interface RemoteObject {
  readonly objectId?: string;
  readonly value?: unknown;
}

interface InternalProperty {
  readonly name: string;
  readonly value?: RemoteObject;
}

interface EvaluationResult {
  readonly result: RemoteObject;
  readonly exceptionDetails?: { readonly stackTrace?: { readonly callFrames: readonly StackFrame[] } };
}

interface PropertiesResult {
  readonly result: readonly InternalProperty[];
  readonly internalProperties?: readonly InternalProperty[];
  readonly privateProperties?: readonly { readonly name: string }[];
}

/** One scope of a function's chain, innermost first; reading an uninitialised variable may throw. */
export interface CapturedScope {
  readonly isModule: boolean;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Where a function was written. Lines and columns count from 0. */
export interface FunctionLocation {
  readonly scriptId: string;
  readonly line: number;
  readonly column: number;
}

/** What is known of one function. */
export interface ClosureInfo {
  readonly location: FunctionLocation | undefined;
  readonly scopes: readonly CapturedScope[];
  readonly bound: { readonly target: unknown; readonly boundThis: unknown; readonly boundArgs: unknown[] } | undefined;
}

/** A connection to the inspector whose debugger is enabled. */
export interface InspectorPort {
  /** Throws when the command fails. */
  readonly post: (method: string, params: object) => object;
  /** Evaluates to the end of it, however that comes. */
  readonly evaluate: (expression: string) => void;
}

/** Objects are handed over to the inspector as further members, by number. */
interface Sink {
  value: unknown;
  /** The scopes of some functions, taken over from the inspector. */
  scopes: { description: string; object: Record<string, unknown> }[][];
}

function isInModule(scopes: readonly CapturedScope[]): boolean {
  return scopes.some(({ isModule }) => isModule);
}

function locationIn(properties: readonly InternalProperty[]): FunctionLocation | undefined {
  const at = properties.find(({ name }) => name === "[[FunctionLocation]]")?.value?.value as
    | { scriptId: string; lineNumber: number; columnNumber: number }
    | undefined;
  return at && { scriptId: at.scriptId, line: at.lineNumber, column: at.columnNumber };
}

/** Scripts that V8 does not report; asking again would be as vain. */
const unreported = new Set<string>();

interface Connection {
  readonly session: Session;
  /** The sink, as the inspector calls it. */
  readonly sinkId: string;
}

/** Node's permission model forbids to look at functions. */
export class InspectorForbiddenError extends Error {
  readonly problem = "Node's permission model forbids the inspector, by which functions are read";
  readonly advice: string = process.allowedNodeEnvironmentFlags.has("--allow-inspector")
    ? "Start Node.js with --allow-inspector, or name the function with moduleTask, which needs no inspector"
    : "This version of Node.js has no flag that allows it (24 and later: --allow-inspector); name the function with moduleTask";
}

/** Whether Node's permission model forbids the inspector. */
export function isInspectorForbidden(): boolean {
  const { permission } = process as { readonly permission?: { has(scope: string): boolean } };
  return permission !== undefined && !permission.has("inspector");
}

/** Posts a command; in process, the answer comes before `post` returns. */
function post(session: Session, method: string, params: object): object {
  let answer: object = {};
  let failure: Error | null = null;
  session.post(method, params, (error: Error | null, result: object = {}) => {
    failure = error;
    answer = result;
  });
  if (failure !== null) throw new Error(`${method} failed in the inspector`, { cause: failure });
  return answer;
}

/** One connection to the inspector, for the time of one synchronous job. */
export class FunctionInspector implements Disposable {
  #connection: Connection | undefined;
  readonly #sink: Sink = { value: undefined, scopes: [] };
  readonly #closures = new Map<object, ClosureInfo>();
  #isDebuggerOn = false;

  /** The session, opened at the first look: what every process knows needs none. */
  get #open(): Connection {
    return (this.#connection ??= this.#connect());
  }

  #connect(): Connection {
    if (isInspectorForbidden()) throw new InspectorForbiddenError();
    const inspector = process.getBuiltinModule("node:inspector");
    const session = new inspector.Session();
    session.connect();
    const host = inspector as unknown as Record<symbol, unknown>;
    host[SINK_KEY] = this.#sink;
    try {
      // The program, or a task, may have replaced the global `process`; `require` is a debugger's own there.
      const hasProcess = globalThis.process === process;
      const inspectorOf = hasProcess ? `process.getBuiltinModule("node:inspector")` : `require("node:inspector")`;
      const expression = `${inspectorOf}[Symbol.for("asynccpu.inspector.sink")]`;
      const evaluated = post(session, "Runtime.evaluate", { expression, includeCommandLineAPI: !hasProcess });
      return { session, sinkId: (evaluated as EvaluationResult).result.objectId ?? "" };
    } finally {
      delete host[SINK_KEY];
    }
  }

  [Symbol.dispose](): void {
    if (this.#isDebuggerOn) this.#post("Debugger.disable", {});
    this.#connection?.session.disconnect();
  }

  #post(method: string, params: object): object {
    return post(this.#open.session, method, params);
  }

  /** The inspector's ids of objects. */
  #idsOf(objects: readonly object[]): string[] {
    Object.assign(this.#sink, objects);
    const params = { objectId: this.#open.sinkId, ownProperties: true };
    const { result } = this.#post("Runtime.getProperties", params) as PropertiesResult;
    const ids = new Map(result.map(({ name, value }) => [name, value?.objectId ?? ""]));
    return objects.map((_, index) => {
      Reflect.deleteProperty(this.#sink, index);
      return ids.get(String(index)) ?? "";
    });
  }

  #getProperties(objectId: string): PropertiesResult {
    return this.#post("Runtime.getProperties", { objectId, ownProperties: true }) as PropertiesResult;
  }

  #propertiesOf(object: object): PropertiesResult {
    const [objectId = ""] = this.#idsOf([object]);
    return this.#getProperties(objectId);
  }

  /** Applies a function to the sink and to what is behind these ids. */
  #fetch(functionDeclaration: string, objectIds: readonly string[]): void {
    this.#post("Runtime.callFunctionOn", {
      objectId: this.#open.sinkId,
      functionDeclaration,
      // Sent as JSON: a program may have given arrays a `toJSON` of its own.
      arguments: Object.assign(
        objectIds.map((objectId) => ({ objectId })),
        { toJSON: undefined },
      ),
    });
  }

  #fetchInternal(property: InternalProperty | undefined): unknown {
    if (property?.value?.objectId === undefined) return property?.value?.value;
    this.#fetch("function (value) { this.value = value; }", [property.value.objectId]);
    const { value } = this.#sink;
    this.#sink.value = undefined;
    return value;
  }

  /** The scopes of each of some functions. */
  #fetchScopes(properties: readonly (InternalProperty | undefined)[]): CapturedScope[][] {
    const ids = properties.map((each) => each?.value?.objectId ?? this.#open.sinkId);
    if (ids.every((each) => each === this.#open.sinkId)) return properties.map(() => []);
    this.#fetch("function (...all) { this.scopes = all.map((each) => Array.from(each)); }", ids);
    const { scopes } = this.#sink;
    this.#sink.scopes = [];
    return scopes.map((each) =>
      each
        .filter(({ description }) => !description.startsWith("Global"))
        .map(({ description, object }) => ({ isModule: description === "Module", variables: object })),
    );
  }

  /**
   * Finds where functions were written, and the variables of every scope around them: of many, with a third of the
   * commands that it takes for each by itself.
   */
  inspectAll(functions: readonly object[]): void {
    const unknown = functions.filter((fn) => !this.#closures.has(fn));
    if (unknown.length === 0) return;
    const properties = this.#idsOf(unknown).map((id) => this.#getProperties(id).internalProperties ?? []);
    const scopes = this.#fetchScopes(properties.map((each) => each.find(({ name }) => name === "[[Scopes]]")));
    for (const [index, fn] of unknown.entries()) {
      const own = properties[index] ?? [];
      const find = (name: string): InternalProperty | undefined => own.find((each) => each.name === name);
      const target = find("[[TargetFunction]]");
      this.#closures.set(fn, {
        location: locationIn(own),
        scopes: scopes[index] ?? [],
        bound: target && {
          target: this.#fetchInternal(target),
          boundThis: this.#fetchBoundThis(find("[[BoundThis]]")),
          boundArgs: this.#fetchInternal(find("[[BoundArgs]]")) as unknown[],
        },
      });
    }
  }

  /** Finds where a function was written, and the variables of every scope around it. */
  inspect(fn: object): ClosureInfo {
    if (!this.#closures.has(fn)) this.inspectAll([fn]);
    return this.#closures.get(fn) as ClosureInfo;
  }

  /** Finds where a function was written, without a script that a debugger of the user's would hear of. */
  locate(fn: object): FunctionLocation | undefined {
    const known = this.#closures.get(fn);
    return known === undefined ? locationIn(this.#propertiesOf(fn).internalProperties ?? []) : known.location;
  }

  /**
   * Lends the connection, with the debugger enabled.
   *
   * It stays so until the session ends: a function may need it many times, and each enabling costs an event for every
   * script.
   */
  withDebugger<T>(job: (port: InspectorPort) => T): T {
    this.#reportScripts();
    return job({
      post: (method, params) => this.#post(method, params),
      evaluate: (expression) => {
        this.#open.session.post("Runtime.evaluate", { expression, silent: true });
      },
    });
  }

  /** Primitives come by value, save those that JSON lacks. */
  #fetchBoundThis(property: InternalProperty | undefined): unknown {
    const remote = property?.value as { unserializableValue?: string } | undefined;
    if (remote?.unserializableValue === undefined) return this.#fetchInternal(property);
    const text = remote.unserializableValue;
    return text.endsWith("n") ? BigInt(text.slice(0, -1)) : text === "-0" ? -0 : Number(text);
  }

  /** Names of the private fields and methods of an object, such as `#count`. */
  privateNames(object: object): string[] {
    const { privateProperties = [] } = this.#propertiesOf(object);
    return privateProperties.map(({ name }) => name);
  }

  /** Has V8 report all scripts, once in a job: no other is made while it lasts. */
  #reportScripts(): void {
    if (this.#isDebuggerOn) return;
    this.#open.session.on("Debugger.scriptParsed", rememberParsed as never);
    this.#post("Debugger.enable", {});
    this.#isDebuggerOn = true;
    this.#open.session.off("Debugger.scriptParsed", rememberParsed as never);
  }

  /** Has V8 tell the scripts on the stack, which needs no debugger. The stack begins in a script of ours. */
  #lookAtStack(wantedId: string): void {
    this.#post("Runtime.enable", {});
    const params = { expression: "throw undefined", silent: true };
    const { exceptionDetails } = this.#post("Runtime.evaluate", params) as EvaluationResult;
    this.#post("Runtime.disable", {});
    rememberStack(exceptionDetails?.stackTrace?.callFrames ?? [], wantedId);
  }

  /** A script without its source; undefined for one that V8 does not report, as it is with some of Node's own. */
  #header(scriptId: string): ScriptHeader | undefined {
    if (knownHeader(scriptId) !== undefined || unreported.has(scriptId)) return knownHeader(scriptId);
    if (!this.#isDebuggerOn) this.#lookAtStack(scriptId);
    if (knownHeader(scriptId) === undefined) this.#reportScripts();
    if (knownHeader(scriptId) === undefined) unreported.add(scriptId);
    return knownHeader(scriptId);
  }

  /** The URL of a script, without its source. */
  scriptUrl(scriptId: string): string {
    return this.#header(scriptId)?.url ?? "";
  }

  /** Whether a module of this URL has been loaded. */
  hasModule(url: string): boolean {
    if (isKnownModule(url)) return true;
    this.#reportScripts();
    return isKnownModule(url);
  }

  /**
   * URL and source of a script; undefined when V8 has dropped it.
   *
   * @param scopes - Those of a function in it.
   */
  script(scriptId: string, scopes: readonly CapturedScope[]): ScriptInfo | undefined {
    const known = this.scriptInFile(scriptId, scopes);
    if (known !== undefined || this.#header(scriptId) === undefined) return known;
    this.#reportScripts();
    const header = knownHeader(scriptId);
    if (header === undefined) return undefined;
    const { scriptSource } = this.#post("Debugger.getScriptSource", { scriptId }) as { scriptSource: string };
    return rememberSource(header, scriptSource, isInModule(scopes));
  }

  /** The same, where it is known or its file tells: this never enables the debugger. */
  scriptInFile(scriptId: string, scopes: readonly CapturedScope[]): ScriptInfo | undefined {
    const known = knownScript(scriptId);
    if (known !== undefined || unreported.has(scriptId)) return known;
    const isHashKnown = knownHeader(scriptId)?.hash !== undefined;
    if (!isHashKnown && !this.#isDebuggerOn) this.#lookAtStack(scriptId);
    const header = knownHeader(scriptId);
    const source = header && sourceInFile(header);
    if (header === undefined || source === undefined) return undefined;
    return rememberSource(header, source, isInModule(scopes));
  }
}
