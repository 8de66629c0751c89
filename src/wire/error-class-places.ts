/**
 * Classes of errors that nobody has registered, known by the place where they were written.
 *
 *     worker   class of the error ──▶ "file:///app/errors.js:12:7" ──▶ name and place travel
 *     parent   place ──▶ a class that is loaded here already, and was written there ──▶ its prototype
 *
 * Nothing is imported and no constructor is called for it: a process that sends errors can only choose among classes of errors
 * that the other has, by name and place. How places are found is no business of the wire's; whoever knows gives
 * it the two functions.
 */

/** Says where the classes of an error were written; `undefined` for one that nobody could find again. */
export type PlacesOfErrorClasses = (errorClasses: readonly object[], instance: object) => (string | undefined)[];

/** Finds the prototype of a class of errors that this process has, by the place where it was written. */
export type ErrorPrototypeAt = (place: string) => object | undefined;

let findPlaces: PlacesOfErrorClasses | undefined;
let findPrototype: ErrorPrototypeAt | undefined;

/** From now on, errors that leave this process say where their classes were written. */
export function sendErrorClassPlaces(placesOf: PlacesOfErrorClasses): void {
  findPlaces = placesOf;
}

/** From now on, errors that arrive in this process get the classes that it has at the places that they name. */
export function findErrorClassesBy(prototypeAt: ErrorPrototypeAt): void {
  findPrototype = prototypeAt;
}

/** The places of an error's classes. Never throws. */
export function placesOfErrorClasses(errorClasses: readonly object[], instance: object): (string | undefined)[] {
  try {
    return findPlaces?.(errorClasses, instance) ?? [];
  } catch {
    // Looking for it needs the inspector, memory and some call stack; an error must get away without them, too.
    return [];
  }
}

/** The prototype of the class at a place. Never throws. */
export function errorPrototypeAt(place: string): object | undefined {
  try {
    return findPrototype?.(place);
  } catch {
    return undefined;
  }
}
