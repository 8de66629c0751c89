// Writes the cases in the forms that people run: node build.mjs FOLDER
//
//   module    the case as it is
//   commonjs  `require` in place of `import`, as people write it
//   bundle    one file by esbuild, CommonJS, with the packages in it

import { mkdirSync } from "node:fs";
import { readFileSync } from "node:fs";
import { readdirSync } from "node:fs";
import { writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";

import { build } from "esbuild";
import { transformSync } from "esbuild";

const HERE = import.meta.dirname;
const folder = path.resolve(process.argv[2] ?? "");

/** `import` statements as `require` calls. */
function toCommonJs(text) {
  return text
    .replaceAll(/^import \* as (\w+) from (".+?");$/gm, "const $1 = require($2);")
    .replaceAll(/^import (\w+) from (".+?");$/gm, "const $1 = require($2);")
    .replaceAll(/^import (\{[^}]*\}) from (".+?");$/gm, (_, names, source) => {
      return `const ${names.replaceAll(" as ", ": ")} = require(${source});`;
    })
    .replaceAll(/^import (".+?");$/gm, "require($1);")
    .replaceAll(/^export (async )?function (\w+)/gm, "exports.$2 = $2;\n$1function $2")
    .replaceAll("run.mjs", "run.cjs");
}

function write(file, text) {
  mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
  writeFileSync(path.join(folder, file), text);
}

const DECORATORS = { compilerOptions: { experimentalDecorators: true, useDefineForClassFields: false } };

const sources = new Map([["run", readFileSync(path.join(HERE, "run.mjs"), "utf8")]]);
for (const file of readdirSync(path.join(HERE, "cases"))) {
  const text = readFileSync(path.join(HERE, "cases", file), "utf8");
  const isTyped = file.endsWith(".ts");
  const code = isTyped ? transformSync(text, { loader: "ts", target: "es2022", tsconfigRaw: DECORATORS }).code : text;
  sources.set(`cases/${path.basename(file, path.extname(file))}`, code);
}

for (const [name, text] of sources) {
  write(`module/${name}.mjs`, text);
  write(`commonjs/${name}.cjs`, toCommonJs(text));
}

await build({
  entryPoints: [...sources.keys()]
    .filter((name) => name !== "run")
    .map((name) => path.join(folder, `module/${name}.mjs`)),
  bundle: true,
  platform: "node",
  logLevel: "error",
  // People leave out what has binaries. More than 10,000 functions hang on an instance of mathjs, which is refused.
  external: ["asynccpu", "sharp", "better-sqlite3", "mathjs"],
  outdir: path.join(folder, "bundle/cases"),
  outExtension: { ".js": ".cjs" },
});
