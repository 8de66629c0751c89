/**
 * Classes of errors that nobody has registered, known by the place where they were written.
 *
 *     worker   class of the error ──▶ "file:///app/errors.js:12:7" ──▶ name and place travel
 *     parent   name and place ──▶ a class that the task's functions can name here, and that was written there ──▶ its prototype
 *
 * Another machine may have the files elsewhere. So the way to a class from the exports of a task's module travels,
 * too.
 *
 * Nothing is imported and no constructor is called for it: a process that sends errors can only choose among classes
 * of errors that the other has, by name and place. The wire does not know how places are found; the pickler gives it
 * the two functions.
 */

/** A class between an error and the built-in one above it. */
export interface OwnErrorClass {
  readonly name: string;
  /** Where it was written, when the other process may have it, too. */
  readonly place: string | undefined;
  /** The way to it from the exports of a module from which tasks were imported. */
  readonly exportPath?: readonly string[] | undefined;
}

/** Says where the classes of an error were written; `undefined` for a class that nobody could find again. */
export type PlacesOfErrorClasses = (
  errorClasses: readonly object[],
  instance: object,
) => readonly (string | undefined)[];

/** What is known of a class of errors that is to be found. */
export interface WantedClass {
  readonly name: string;
  readonly place: string;
  readonly exportPath?: readonly string[] | undefined;
  /** The name that the error itself has: a function that makes classes often gives it to their errors only. */
  readonly errorName?: string | undefined;
}

/**
 * Finds the prototype of a class of errors that these functions can name.
 *
 * @param functions - An object among them holds the exports of the module that both sides have.
 */
export type FindErrorPrototype = (wanted: WantedClass, functions: readonly object[]) => object | undefined;

/** The way to a class from the exports of a module from which tasks were imported. */
export type ExportPathOfClass = (errorClass: object) => readonly string[] | undefined;

let findPlaces: PlacesOfErrorClasses | undefined;
let findExportPath: ExportPathOfClass | undefined;
let findPrototype: FindErrorPrototype | undefined;
let currentFunctions: readonly object[] = [];

/** From now on, errors that leave this process say where their classes were written. */
export function sendErrorClassPlaces(placesOf: PlacesOfErrorClasses): void {
  findPlaces = placesOf;
}

/** From now on, errors that leave this process say by which exports their classes are found. */
export function sendErrorClassExports(exportPathOf: ExportPathOfClass): void {
  findExportPath = exportPathOf;
}

/** From now on, errors that arrive in this process get the classes that it has at the places that they name. */
export function findErrorClassesBy(find: FindErrorPrototype): void {
  findPrototype = find;
}

/**
 * Decodes what these functions threw or gave: the classes of errors in it are looked for where the functions were
 * written.
 */
export function decodeFor<T>(functions: readonly object[], decode: () => T): T {
  const before = currentFunctions;
  currentFunctions = functions;
  try {
    return decode();
  } finally {
    currentFunctions = before;
  }
}

/** The functions whose errors are being decoded, for a part that is decoded later. */
export function decodedFor(): readonly object[] {
  return currentFunctions;
}

/** The places of an error's classes. Never throws. */
export function placesOfErrorClasses(
  errorClasses: readonly object[],
  instance: object,
): readonly (string | undefined)[] {
  try {
    return findPlaces?.(errorClasses, instance) ?? [];
  } catch {
    // Looking for it needs the inspector, memory and some call stack; an error must get away without them, too.
    return [];
  }
}

/** The way to an error's class from the exports of a module of tasks. Never throws. */
export function exportPathOfErrorClass(errorClass: object): readonly string[] | undefined {
  try {
    return findExportPath?.(errorClass);
  } catch {
    return undefined;
  }
}

/** The prototype of the class at a place. Never throws. */
export function errorPrototypeAt({ name, place, exportPath }: OwnErrorClass, errorName?: string): object | undefined {
  if (place === undefined || currentFunctions.length === 0) return undefined;
  try {
    return findPrototype?.({ name, place, exportPath, errorName }, currentFunctions);
  } catch {
    return undefined;
  }
}
