/** What only ES modules have. */

import data from "./data.json" with { type: "json" };
import { awaited } from "./top-level-await.ts";
import { functionCase } from "./case.ts";
import type { FunctionCase } from "./case.ts";

const late = await Promise.resolve(5);
// Reason: the constant made of a dynamic import is a case.
const dynamic = await import("./helpers.ts");

export const moduleCases: readonly FunctionCase[] = [
  functionCase("an import of JSON", () => [data.word, data.list], ["json", [1, 2]]),
  functionCase("an import of a module with top-level await", () => awaited, "awaited"),
  functionCase("a constant of top-level await", () => late, 5),
  functionCase("a module that top-level await imported", () => dynamic.scale(6), 60),
  functionCase(
    "import.meta.url",
    () => typeof import.meta.url === "string" && import.meta.url.startsWith("file:"),
    true,
  ),
  functionCase(
    "a URL beside import.meta.url",
    () => {
      const { url } = import.meta;
      return new URL("./x.txt", url).pathname.endsWith("/x.txt");
    },
    true,
  ),
];
