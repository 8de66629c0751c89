/** What the cases import: by name, as the default, as a namespace. */

import { basename } from "node:path";

export const SCALE = 10;

export function scale(value: number): number {
  return value * SCALE;
}

export const nameOfFile = (file: string): string => basename(file);

export class Scaled {
  static readonly unit = 3;
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }

  static twice(value: number): number {
    return scale(value) * 2;
  }

  static withThis(value: number): number {
    return value * this.unit;
  }

  scaled(): number {
    return scale(this.value);
  }

  shown(prefix: string): string {
    return `${prefix}:${SCALE}`;
  }
}

export default function half(value: number): number {
  return value / 2;
}
