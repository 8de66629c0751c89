/** How a function must be written down so that a worker can evaluate it away from its script. */

import type { FreeVariable } from "./free-variables.js";
import { freeVariablesOf } from "./free-variables.js";
import type { SourceForm } from "../graph/format.js";
import type { FoundFunction } from "../look/script-source.js";
import type { ScriptSource } from "../look/script-source.js";
import { endOf } from "../look/syntax-tree.js";
import { isClassNode } from "../look/syntax-tree.js";
import { startOf } from "../look/syntax-tree.js";
import type { SyntaxNode } from "../look/syntax-tree.js";
import { walk } from "../look/syntax-tree.js";

/** Something in the source that has no meaning outside its place. */
export interface Obstacle {
  readonly variable: string;
  readonly problem: string;
  readonly advice: string;
  readonly offset: number;
}

/** What a function's text says of it. */
export interface FunctionShape {
  readonly form: SourceForm;
  readonly isClass: boolean;
  readonly isStrict: boolean;
  readonly source: string;
  readonly free: readonly FreeVariable[];
  /** The identifier that stands for `import.meta` in `source`. */
  readonly importMetaName: string | undefined;
  /** The identifier behind `extends` in `source`. */
  readonly heritageName: string | undefined;
  /** The identifier that stands in `source` for the `this` of the function around an arrow. */
  readonly thisName: string | undefined;
  readonly obstacles: readonly Obstacle[];
  /** The name of a declaration, which its body sees as an ordinary variable. */
  readonly declaredName: string | undefined;
}

const NAMED_ADVICE = "Write it as a function declaration, and pass what it needs as arguments";
/** What helps a function that uses something of the function around it. */
export const VARIABLE_ADVICE = "Put it into a variable outside of the arrow function, and use that variable";

const KEY_ADVICE = "Put the key into a constant before the class, or make the class inside the task";
const OF_FUNCTION_AROUND: ReadonlyMap<string, string> = new Map([
  ["AwaitExpression", "await"],
  ["YieldExpression", "yield"],
  ["Super", "super"],
]);

/** The function, field or static block that gives an arrow function its `this`; undefined at the top level. */
function ownerOfThis(script: ScriptSource, arrow: SyntaxNode): SyntaxNode | undefined {
  let node = arrow;
  for (let parent = script.parents.get(node); parent !== undefined; parent = script.parents.get(node)) {
    if (parent.type === "FunctionExpression" || parent.type === "FunctionDeclaration") return parent;
    if (parent.type === "StaticBlock" || (parent.type === "PropertyDefinition" && parent.value === node)) {
      return parent;
    }
    node = parent;
  }
  return undefined;
}

function isTopLevel(script: ScriptSource, arrow: SyntaxNode): boolean {
  const owner = ownerOfThis(script, arrow);
  if (owner === undefined) return script.info.isModule;
  // Unpickled code: the functions around it are this library's own wrapping.
  return script.factory?.members.some(({ start, isStrict }) => isStrict && startOf(owner) < start) ?? false;
}

/** Visits what shares `this`, `super`, `arguments` and `new.target` with the function itself. */
function walkLexically(root: SyntaxNode, visit: (node: SyntaxNode) => void): void {
  walk(root, (node) => {
    visit(node);
    if (node === root) return true;
    if (node.type === "FunctionExpression" || node.type === "FunctionDeclaration") return false;
    if (node.type !== "ClassBody") return true;
    for (const element of node.body) {
      if (element.type !== "StaticBlock" && element.computed) walkLexically(element.key, visit);
    }
    return false;
  });
}

function findArrowObstacles(script: ScriptSource, node: SyntaxNode): Obstacle[] {
  const obstacles: Obstacle[] = [];
  const refuse = (variable: string, at: SyntaxNode): void => {
    if (obstacles.some((each) => each.variable === variable)) return;
    const problem = `an arrow function uses ${variable} of the function around it, which does not travel`;
    const advice = variable === "super" ? NAMED_ADVICE : VARIABLE_ADVICE;
    obstacles.push({ variable, problem, advice, offset: startOf(at) });
  };
  walkLexically(node, (each) => {
    if (each.type === "Super") refuse("super", each);
    if (each.type === "MetaProperty" && each.meta.name === "new") refuse("new.target", each);
    if (each.type === "Identifier" && each.name === "arguments") {
      const parent = script.parents.get(each);
      const isMemberName = parent?.type === "MemberExpression" && parent.property === each && !parent.computed;
      const isKey = parent?.type === "Property" && parent.key === each && !parent.computed && !parent.shorthand;
      if (!isMemberName && !isKey) refuse("arguments", each);
    }
  });
  return obstacles;
}

/** Every `this` that an arrow function takes from the function around it. */
function outerThisExpressions(script: ScriptSource, { node }: FoundFunction): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  if (node.type !== "ArrowFunctionExpression" || isTopLevel(script, node)) return found;
  walkLexically(node, (each) => {
    if (each.type === "ThisExpression") found.push(each);
  });
  return found;
}

/** `super` of a method outside its class or object, and private names of a class around it. */
function findHomeObstacles(found: FoundFunction): Obstacle[] {
  const obstacles: Obstacle[] = [];
  const advice = "Send the class or the object that it belongs to, and call the method in the task";
  if (found.outer !== found.node) {
    walkLexically(found.node, (each) => {
      if (each.type !== "Super" || obstacles.length > 0) return;
      const problem = "a method that uses super can't leave its class or object";
      obstacles.push({ variable: "super", problem, advice, offset: startOf(each) });
    });
  }
  const declared = new Set<string>();
  const used: [name: string, offset: number][] = [];
  walk(found.node, (node) => {
    if (node.type === "ClassBody") {
      for (const element of node.body) {
        if (element.type !== "StaticBlock" && element.key.type === "PrivateIdentifier") declared.add(element.key.name);
      }
    }
    if (node.type === "PrivateIdentifier") used.push([node.name, startOf(node)]);
    return true;
  });
  for (const [name, offset] of used) {
    if (declared.has(name) || obstacles.some(({ variable }) => variable === `#${name}`)) continue;
    const problem = "a private name has a meaning only inside its class";
    obstacles.push({ variable: `#${name}`, problem, advice, offset });
  }
  const { outer } = found;
  if (outer.type === "MethodDefinition" && outer.key.type === "PrivateIdentifier") {
    const problem = "a private method can't leave its class";
    obstacles.push({ variable: `#${outer.key.name}`, problem, advice, offset: found.start });
  }
  return obstacles;
}

/** Computed keys of a class belong to the function around it: parts of them have no meaning elsewhere. */
function findKeyObstacles(node: SyntaxNode): Obstacle[] {
  const obstacles: Obstacle[] = [];
  for (const element of isClassNode(node) ? node.body.body : []) {
    if (element.type === "StaticBlock" || !element.computed) continue;
    walk(element.key, (each) => {
      const isNewTarget = each.type === "MetaProperty" && each.meta.name === "new";
      const variable = isNewTarget ? "new.target" : OF_FUNCTION_AROUND.get(each.type);
      const problem = `a computed key of the class uses ${variable} of the function around it`;
      if (variable !== undefined) obstacles.push({ variable, problem, advice: KEY_ADVICE, offset: startOf(each) });
      return !/Function/.test(each.type);
    });
  }
  return obstacles;
}

function formOf({ outer, node }: FoundFunction): SourceForm {
  if (outer === node || (outer.type !== "MethodDefinition" && outer.type !== "Property")) return "expression";
  if (outer.kind === "get") return "getter";
  return outer.kind === "set" ? "setter" : "method";
}

/** A name of just this length, if possible, not used anywhere in the script, so that columns stay what they were. */
function unusedName(script: ScriptSource, words: readonly string[], length: number): string {
  const names = [words.join("_"), words.join("$"), `$${words.join("$")}`].map((each) => each.padEnd(length, "_"));
  return (
    names.find((each) => !script.info.source.includes(each)) ?? `$asynccpu_${words.join("_")}`.padEnd(length, "_")
  );
}

/** The expression behind `extends`, unless it is a name or `null`. */
function heritageExpression(node: SyntaxNode): SyntaxNode | undefined {
  if (!isClassNode(node) || node.superClass == null) return undefined;
  return node.superClass.type === "Identifier" || node.superClass.type === "Literal" ? undefined : node.superClass;
}

/** The name through which the class gets its superclass, which V8 keeps in no scope. */
function heritageNameOf(script: ScriptSource, node: SyntaxNode): string | undefined {
  const expression = heritageExpression(node);
  if (expression !== undefined) {
    const [firstLine = ""] = script.info.source.slice(startOf(expression), endOf(expression)).split(/[\r\n]/, 1);
    return unusedName(script, ["super", "class"], firstLine.length);
  }
  return isClassNode(node) && node.superClass?.type === "Identifier" ? node.superClass.name : undefined;
}

function blankOut(text: string): string {
  return text.replace(/[^\r\n]/g, " ");
}

/** Names that stand in the source for what has no name, each as long as that is. */
interface OwnNames {
  readonly importMetaName: string | undefined;
  readonly thisName: string | undefined;
  readonly thisExpressions: readonly SyntaxNode[];
}

function ownNamesOf(script: ScriptSource, found: FoundFunction): OwnNames {
  const metas = script.importMetas.filter((each) => found.start <= startOf(each) && endOf(each) <= found.end);
  const lengths = metas.map((each) => endOf(each) - startOf(each));
  const thisExpressions = outerThisExpressions(script, found);
  const thisNames = ["$his", "t$is", "th$s", "thi$", "$thi$"];
  return {
    importMetaName: metas.length === 0 ? undefined : unusedName(script, ["import", "meta"], Math.min(...lengths)),
    thisName:
      thisExpressions.length === 0
        ? undefined
        : (thisNames.find((each) => !script.info.source.includes(each)) ?? "$asynccpu_this"),
    thisExpressions,
  };
}

/**
 * Replaces `import.meta`, which scripts can't contain, the `this` of the function around an arrow, and what was
 * computed already: the names of computed methods, and the superclass (evaluated again, `mixin(Base)` would give
 * another class).
 */
function sourceOf(script: ScriptSource, found: FoundFunction, names: OwnNames): string {
  const { importMetaName, thisName, thisExpressions } = names;
  const heritage = heritageExpression(found.node);
  const replacements: [start: number, end: number, text: string][] = script.importMetas
    .filter((node) => found.start <= startOf(node) && endOf(node) <= found.end)
    .filter((node) => heritage === undefined || endOf(node) <= startOf(heritage) || startOf(node) >= endOf(heritage))
    .map((node) => [startOf(node), endOf(node), (importMetaName ?? "").padEnd(endOf(node) - startOf(node))]);
  for (const each of thisExpressions) replacements.push([startOf(each), endOf(each), thisName ?? ""]);
  const { outer } = found;
  if ((outer.type === "MethodDefinition" || outer.type === "Property") && outer !== found.node && outer.computed) {
    const [start, end] = [startOf(outer.key), endOf(outer.key)];
    replacements.push([start, end, `0${blankOut(script.info.source.slice(start + 1, end))}`]);
  }
  if (heritage !== undefined) {
    const [start, end] = [startOf(heritage), endOf(heritage)];
    const name = heritageNameOf(script, found.node) ?? "";
    // What stood on more than one line still does, so that the lines below stay where they were.
    replacements.push([start, end, name + blankOut(script.info.source.slice(start + name.length, end))]);
  }
  replacements.sort(([a], [b]) => a - b);
  let text = "";
  let from = found.start;
  for (const [start, end, replacement] of replacements) {
    text += script.info.source.slice(from, start) + replacement;
    from = end;
  }
  return text + script.info.source.slice(from, found.end);
}

const shapes = new WeakMap<SyntaxNode, FunctionShape>();

/** Works out, once for each function in a script, how to write it down. */
export function functionShape(script: ScriptSource, found: FoundFunction): FunctionShape {
  const known = shapes.get(found.node);
  if (known !== undefined) return known;
  const { node } = found;
  const names = ownNamesOf(script, found);
  const isDeclaration = node.type === "FunctionDeclaration" || node.type === "ClassDeclaration";
  const shape: FunctionShape = {
    form: formOf(found),
    isClass: isClassNode(node),
    isStrict: script.isStrictAround(found.start, found.end),
    source: sourceOf(script, found, names),
    free: freeVariablesOf(script, found, heritageExpression(node)),
    importMetaName: names.importMetaName,
    thisName: names.thisName,
    heritageName: heritageNameOf(script, node),
    obstacles: [
      ...(node.type === "ArrowFunctionExpression" ? findArrowObstacles(script, node) : []),
      ...findHomeObstacles(found),
      ...findKeyObstacles(node),
    ],
    declaredName: isDeclaration ? (node.id as { name: string } | null)?.name : undefined,
  };
  shapes.set(node, shape);
  return shape;
}
