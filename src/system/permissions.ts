import process from "node:process";

/** What a pool needs, by the scope that Node's permission model has for it, and the flag that allows it. */
const NEEDED: readonly (readonly [scope: string, flag: string])[] = [
  ["child", "--allow-child-process"],
  // For pipes as well, on Node 25 and later.
  ["net", "--allow-net"],
];

/** Says which flags are missing for workers to start; empty when none is, or without the permission model. */
export function explainPermissions(): string {
  const { permission } = process as { readonly permission?: { has(scope: string): boolean } };
  if (permission === undefined) return "";
  const missing = NEEDED.filter(
    ([scope, flag]) => process.allowedNodeEnvironmentFlags.has(flag) && !permission.has(scope),
  );
  if (missing.length === 0) return "";
  const flags = missing.map(([, flag]) => flag).join(" ");
  return `; Node's permission model forbids what workers need: start Node.js with ${flags}`;
}
