import { inspect } from "node:util";

const LONGEST = 100;

const SHALLOW = { breakLength: Infinity, customInspect: false, depth: 0, maxArrayLength: 5, maxStringLength: LONGEST };

/** Shows any value in a line of an error's message. Runs no code of the value's own, and never throws. */
export function showValue(value: unknown): string {
  try {
    const text = typeof value === "string" ? JSON.stringify(value) : inspect(value, SHALLOW);
    const [line = ""] = text.split("\n", 1);
    return line.length < text.length || line.length > LONGEST ? `${line.slice(0, LONGEST)}...` : line;
  } catch {
    // An error whose stack is a getter that throws, say.
    return `a value of type ${typeof value}`;
  }
}
