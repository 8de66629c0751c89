/** What another module exports, under other names. */

export { scale as renamedScale } from "./helpers.ts";
export { default as defaultHalf } from "./helpers.ts";
export * as everything from "./helpers.ts";
