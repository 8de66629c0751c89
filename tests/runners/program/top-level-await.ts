/** A module that awaits while it is loaded. */

export const awaited: string = await Promise.resolve("awaited");
