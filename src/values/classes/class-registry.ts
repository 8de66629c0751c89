/**
 * Classes whose instances arrive as instances: by `registerClass`, or by a pair of static hooks.
 *
 * A class goes by its name on the wire. A worker that doesn't know the name gets the class from the parent; the parent
 * takes nothing but what is registered in it.
 */

import process from "node:process";
import { types } from "node:util";

import { announcedMarks } from "./announced-classes.js";
import { announcedName } from "./announced-classes.js";
import { digestOf } from "./announced-classes.js";
import { noteAnnounced } from "./announced-classes.js";
import type { ClassMark } from "./announced-classes.js";

/** Any class. */
export type AnyClass = (abstract new (...args: never[]) => object) & { readonly prototype: object };

/** Name of the static method that takes an instance and gives what is to be sent of it; see `registerClass`. */
export const encodeInstance: unique symbol = Symbol.for("asynccpu.encodeInstance");

/** Name of the static method that takes what `[encodeInstance]` gave, and makes the instance in the other process. */
export const decodeInstance: unique symbol = Symbol.for("asynccpu.decodeInstance");

/** The static methods of a class that sends its instances itself. */
export interface InstanceHooks {
  [encodeInstance](instance: object): unknown;
  [decodeInstance](plain: unknown): object;
}

/** A class that has opted in. */
export interface OptIn {
  readonly name: string;
  readonly class: AnyClass;
}

const byName = new Map<string, AnyClass>();
const nameOf = new WeakMap<object, string>();
/** Classes that a pickle has brought by value. */
const sent = new WeakSet<object>();
const listeners: (() => void)[] = [];
let registrations = 0;

/** How often a class was given a name by more than chance; a kept pickle may hold a class that had none then. */
export function registrationCount(): number {
  return registrations;
}

/** Calls back when a class has got, or lost, its name. */
export function onClassRegistered(listener: () => void): void {
  listeners.push(listener);
}

/** Whether a class has both hooks, own or inherited. Runs no traps. */
export function hasHooks(value: object): value is InstanceHooks & AnyClass {
  if (types.isProxy(value)) return false;
  return (
    typeof Reflect.get(value, encodeInstance) === "function" &&
    typeof Reflect.get(value, decodeInstance) === "function"
  );
}

/** Gives a class its name. A second class of the same name takes the place of the first. */
export function addClass(added: AnyClass, name: string): void {
  if (byName.get(name) === added && nameOf.get(added) === name) return;
  registrations += 1;
  setName(added, name);
}

/**
 * Enters a class that the parent has sent.
 *
 * Another one that the parent has sent under this name keeps it as well: the parent knows its instances by that.
 */
export function addSentClass(added: AnyClass, name: string): void {
  if (byName.get(name) === added) return;
  sent.add(added);
  const known = byName.get(name);
  if (known !== undefined && sent.has(known)) byName.delete(name);
  addClass(added, name);
}

/** Whether the parent has sent the class, so that no module of this process has registered it. */
export function isFromParent(value: object): boolean {
  return sent.has(value);
}

function setName(named: AnyClass, name: string): void {
  const previous = byName.get(name);
  if (previous !== undefined) nameOf.delete(previous);
  const oldName = nameOf.get(named);
  if (oldName !== undefined && byName.get(oldName) === named) byName.delete(oldName);
  byName.set(name, named);
  nameOf.set(named, name);
  forgetOldest(name);
  for (const listener of listeners) listener();
}

/** Most classes that are kept by a name that was made up: a program may make one in every turn of a loop. */
const MAX_MADE_UP = 1000;
const MADE_UP = /#\d+\.\d+$/;
const madeUp = new Set<string>();
let lastMadeUp = 0;

/** A name that no other process makes up. */
function makeUpName(ownName: string): string {
  lastMadeUp += 1;
  return `${ownName}#${process.pid}.${lastMadeUp}`;
}

function forgetOldest(newName: string): void {
  if (!MADE_UP.test(newName)) return;
  madeUp.add(newName);
  const [oldest] = madeUp;
  if (oldest === undefined || madeUp.size <= MAX_MADE_UP) return;
  madeUp.delete(oldest);
  const forgotten = byName.get(oldest);
  byName.delete(oldest);
  // It gets another name when it is met again.
  if (forgotten !== undefined) nameOf.delete(forgotten);
}

/**
 * The name under which a class is known; one with hooks is taken up when it is first met, by its own name. Where
 * another class has that, a name is made up: the class travels along, so the other side need not know it.
 */
export function classNameOf(value: object): string | undefined {
  const known = nameOf.get(value);
  if (known !== undefined || typeof value !== "function") return known;
  const announced = announcedName(value);
  if (announced !== undefined) {
    nameOf.set(value, announced);
    return announced;
  }
  if (!hasHooks(value)) return undefined;
  const ownName: unknown = Object.getOwnPropertyDescriptor(value, "name")?.value;
  if (typeof ownName !== "string" || ownName === "") return undefined;
  // A namesake that was registered keeps its name: this one is met by chance.
  const name = byName.has(ownName) ? makeUpName(ownName) : ownName;
  setName(value, name);
  return name;
}

/** What tells workers of the classes that are registered here. */
export function registeredMarks(): readonly ClassMark[] {
  const own = [...byName].filter(([name, each]) => !MADE_UP.test(name) && !isErrorClass(each));
  return [...announcedMarks(), ...own.map(([name, each]) => ({ name, digest: digestOf(each) }))];
}

/** Makes instances of classes known that the parent has registered, and that this process loads by itself. */
export function announceClasses(marks: readonly ClassMark[]): void {
  if (noteAnnounced(marks)) for (const listener of listeners) listener();
}

/** The class of this name, if this process knows one. */
export function classNamed(name: string): AnyClass | undefined {
  return byName.get(name);
}

/** Whether a class is one of errors. */
export function isErrorClass(value: AnyClass): value is AnyClass & { readonly prototype: Error } {
  return value.prototype instanceof Error;
}

/** The class whose instances have exactly this prototype, if it has opted in. */
export function optInOf(constructor: object | undefined): OptIn | undefined {
  const name = constructor === undefined ? undefined : classNameOf(constructor);
  if (name === undefined) return undefined;
  const found = constructor as AnyClass;
  // Errors travel as errors, with stack and cause.
  return isErrorClass(found) && !hasHooks(found) ? undefined : { name, class: found };
}
