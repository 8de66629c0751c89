/** Reads what objects and modules hold, without running anything of the user's. */

/** Whether a value has an identity: an object or a function. */
export function isReference(value: unknown): value is object {
  return typeof value === "function" || (typeof value === "object" && value !== null);
}

/** An own property that can be read without running a getter. */
export function dataProperty(owner: unknown, key: string | symbol): unknown {
  if (!isReference(owner)) return undefined;
  const descriptor = Object.getOwnPropertyDescriptor(owner, key);
  return descriptor !== undefined && Object.hasOwn(descriptor, "value") ? descriptor.value : undefined;
}

/** Whether a compiler has made it of a module: it says so, or (Vite) is tagged as namespaces are. */
function isCompiledModule(exports: object): boolean {
  return Object.hasOwn(exports, "__esModule") || dataProperty(exports, Symbol.toStringTag) === "Module";
}

/**
 * A module's export. Compilers write them as getters, and mark the module; these do nothing but to read a variable.
 */
export function exportedValue(exports: object, key: string): unknown {
  if (!isCompiledModule(exports)) return dataProperty(exports, key);
  try {
    return (exports as Record<string, unknown>)[key];
  } catch {
    // Not initialised yet.
    return undefined;
  }
}
