/** An array that every thread sees without a copy. */
export function makeSharedArray(sizeBytes: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(sizeBytes));
}
