/** Writes the own properties of objects and functions into their nodes. */

import { types } from "node:util";

import { stackOf } from "../../values/errors/stacks.js";
import { ACCESSOR } from "../graph/format.js";
import { CONFIGURABLE } from "../graph/format.js";
import { ENUMERABLE } from "../graph/format.js";
import { EXTENSIBLE } from "../graph/format.js";
import { FROZEN } from "../graph/format.js";
import type { Link } from "../graph/format.js";
import type { ObjectParts } from "../graph/format.js";
import { PLAIN } from "../graph/format.js";
import type { PropertyRecord } from "../graph/format.js";
import { SEALED } from "../graph/format.js";
import { WRITABLE } from "../graph/format.js";
import type { ExternalLinks } from "./external-links.js";
import type { Place } from "./graph-writer.js";
import { propertyStep } from "./graph-writer.js";
import { integrityOf } from "./object-parts.js";
import { ownKeysOf } from "./object-parts.js";
import { hasNativeCode } from "../../values/classes/classify.js";

/** Writes the own properties of one object after the other. */
export class PropertyWriter {
  readonly #external: ExternalLinks;
  readonly #link: (value: unknown, place: Place) => Link;

  constructor(external: ExternalLinks, link: (value: unknown, place: Place) => Link) {
    this.#external = external;
    this.#link = link;
  }

  /** Writes the own properties that `isWanted` accepts, and whether the object is frozen, into a node. */
  write(
    value: object,
    parts: ObjectParts,
    place: Place,
    isWanted: (key: string | symbol, descriptor: PropertyDescriptor) => boolean,
  ): void {
    const integrity = integrityOf(value);
    if (integrity !== EXTENSIBLE) parts.integrity = integrity;
    const records: PropertyRecord[] = [];
    for (const key of ownKeysOf(value)) {
      const descriptor = Object.getOwnPropertyDescriptor(value, key);
      if (descriptor === undefined || !isWanted(key, descriptor)) continue;
      records.push(this.#record(value, key, descriptor, integrity, place));
    }
    if (records.length > 0) parts.properties = [...(parts.properties ?? []), ...records];
  }

  #record(
    value: object,
    key: string | symbol,
    descriptor: PropertyDescriptor,
    integrity: number,
    place: Place,
  ): PropertyRecord {
    const step: Place = { holder: place, step: propertyStep(key), isFresh: place.isFresh };
    const keyLink = typeof key === "string" ? key : this.#external.symbol(key, step);
    const enumerable = descriptor.enumerable === true ? ENUMERABLE : 0;
    // V8 keeps `stack` behind an accessor of its own in newer versions, also where captureStackTrace has put it.
    const isOfV8 = descriptor.get !== undefined && hasNativeCode(descriptor.get);
    if (key === "stack" && (isOfV8 || types.isNativeError(value))) {
      return [keyLink, stackOf(value), enumerable | WRITABLE | CONFIGURABLE];
    }
    // Freezing and sealing happen once everything is in place.
    const configurable = descriptor.configurable === true || integrity >= SEALED ? CONFIGURABLE : 0;
    if (!Object.hasOwn(descriptor, "value")) {
      const get = this.#link(descriptor.get, step);
      return [keyLink, get, enumerable | configurable | ACCESSOR, this.#link(descriptor.set, step)];
    }
    const writable = descriptor.writable === true || integrity === FROZEN ? WRITABLE : 0;
    const flags = enumerable | configurable | writable;
    const link = this.#link(descriptor.value, step);
    return flags === PLAIN ? [keyLink, link] : [keyLink, link, flags];
  }
}
