/**
 * The error for bytes that no encoder has written.
 *
 * @param what - What is wrong with them.
 */
export function damaged(what?: string): Error {
  return new Error(`The encoded value is damaged${what === undefined ? "" : `: ${what}`}.`);
}
