// Puts what users get into dist/, from the modules in build/src, which are what the tests run. The implementation is
// CommonJS, and exists once:
//
//     index.cjs, index.js    the faces for `require` and `import`: each requires parent.cjs
//     parent.cjs, start.cjs  what an import needs, and what starts the first worker
//     core.cjs               the program's half: pools, tasks; loaded while the first worker boots
//     worker.cjs             the program of a worker process
//     base.cjs, shared.cjs   what both have, so that a task that imports asynccpu finds the worker's own state
//     plain.cjs              the pickler, as far as functions need it whose text says all
//     references.cjs         the rest of it; in a worker, what a result with a function in it needs
//     coreRare.cjs, sharedRare.cjs    what few programs use
//     syntax.cjs             acorn and eslint-scope, for functions whose text does not say all; syntax.LICENSES.txt
//     watchdog.cjs           the thread of a worker, alone
//     testing.cjs, testing.js, inline.cjs    asynccpu/testing, with copies of what else workers alone have
//     bullmq.cjs, bullmq.js, queue.cjs, queues.cjs    asynccpu/bullmq
//     cli.cjs                the command `asynccpu`
//     index.d.cts, types/    the declarations; index.d.ts re-exports them
//
// Rollup joins the modules and leaves out what nobody uses. esbuild takes out comments, spaces and letters beyond
// ASCII: V8 looks through the whole of a file before it runs any of it, and wide letters make that slower. No name is
// changed, and the source maps hold the sources.
//
// `references` and the rare ones are required when something of them is used for the first time, and so are the larger
// modules of Node.js. A module that does something when it is loaded can't be among them.

import { mkdirSync } from "node:fs";
import { readFileSync } from "node:fs";
import { rmSync } from "node:fs";
import { writeFileSync } from "node:fs";
import path from "node:path";

import { build as bundleByEsbuild } from "esbuild";
import { rollup } from "rollup";
import { transform } from "esbuild";

const ROOT = path.join(import.meta.dirname, "..");
const COMPILED = path.join(ROOT, "build", "src");
const DIST = path.join(ROOT, "dist");

const PARENT = path.join(COMPILED, "index.js");
const WORKER = path.join(COMPILED, "subprocess", "main.js");
const REFERENCES = path.join(COMPILED, "pickle", "function-reference.js");
const TESTING = path.join(COMPILED, "testing", "index.js");
const BULLMQ = path.join(COMPILED, "bullmq", "index.js");
const CLI = path.join(COMPILED, "bullmq", "host", "cli.js");
const WATCHDOG = path.join(COMPILED, "subprocess", "guard", "watchdog.js");

function nameOf(file) {
  return path.relative(COMPILED, file).split(path.sep).join("/");
}

/** What tsc has written, with its source maps; and `import.meta.url` as CommonJS knows it. */
const compiledFiles = {
  name: "compiled-files",
  load(id) {
    const file = id.replace(/\?copy$/, "");
    const code = readFileSync(file, "utf8").replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n");
    return { code, map: JSON.parse(readFileSync(`${file}.map`, "utf8")) };
  },
  resolveImportMeta(property) {
    if (property !== "url") throw new Error(`import.meta.${property} has no counterpart in dist/`);
    return 'require("node:url").pathToFileURL(__filename).href';
  },
};

/**
 * What runs a task is in the bundle of the worker, which begins to work when it is loaded. So the inline executor has
 * copies of these modules; they keep nothing that both would have to know.
 */
const COPIED = /^(subprocess\/(task\/(?!current-task)|guard\/claim)|pickle\/(build\/|unpickle)|memory\/idle)/;

const copiesForTesting = {
  name: "copies-for-testing",
  resolveId(source, importer) {
    if (importer === undefined || !source.startsWith(".")) return null;
    const file = path.resolve(path.dirname(importer), source);
    const isFromTesting = importer.endsWith("?copy") || importer.startsWith(path.dirname(TESTING) + path.sep);
    return isFromTesting && COPIED.test(nameOf(file)) ? `${file}?copy` : null;
  },
};

/** What is needed before the first worker process is started. What an import gives must be among it. */
const EARLY = [
  /^index/,
  /^(errors|fifo|option-names|show-value)\./,
  /^executor\/(executor-core|process-pool-executor|process-task-pool-executor|options|wait)/,
  /^executor\/outcome\/process-future/,
  /^logging\/(?!foreign-logger)/,
  /^memory\/(native-memory|shared-array)/,
  /^pickle\/(register-class|refer\/module-task)/,
  /^pool\/(nesting|worker\/(spawn-worker|start-options))/,
  /^subprocess\/(outer-grace|task\/current-task)/,
  /^system\/(async-context|cgroup-quota|cpu-count|foreign-functions|own-files|timers|worker-state)/,
  /^system\/process\/(cookie|process-task)/,
  /^system\/start\/start-process/,
  /^system\/tree\/terminator/,
  /^values\/(thrown|errors\/classes|classes\/(class-registry|process-bound))/,
  /^wire\/journal\/journal-file/,
];

/** What most programs never use. A module from which the public face exports is never among them. */
const RARE = [
  /^live\/(?!abort)/,
  /^logging\/(?!foreign-logger)/,
  /^memory\/reference/,
  /^values\/(extended|errors\/parts)/,
  /^system\/start\/(native|child-reaper)/,
  /^pool\/queue\/(priority-queue|queue-room|delayed-tasks|map-frames)/,
  /^executor\/submit\/(attempts|parent-live|uncopied-arguments)/,
  /^executor\/(map\/|outcome\/(task-progress|completions)|options\/check-wait)/,
  /^pool\/(idle-workers|memory-watch)/,
  /^pickle\/error-/,
];

/** What the pickler runs for a function whose text says all. */
const PLAIN = [
  /^pickle\/look\/(captured-state|function-properties|module-scope)/,
  /^pickle\/refer\/(find-export|known-values)/,
  /^pickle\/write\/(digest|graph-writer|held-functions|seen-variables)/,
];

/** Chunks that are required when something of them is used for the first time. */
const LAZY_CHUNKS = ["plain", "references", "coreRare", "sharedRare"];

/** Chunks that are loaded with an import, and those that are lazy for them alone. */
const EARLY_CHUNKS = new Set(["parent", "start", "base"]);
const LATE_CHUNKS = ["core", "shared"];

const LAZY = `((load, names, loaded) =>
  Object.defineProperties({}, Object.fromEntries(names.map((name) => [name, { get: () => (loaded ??= load())[name] }]))))`;

/** Chunks that the faces require. */
const FACED = new Set(["parent", "inline"]);

/**
 * Jest forgets modules before each test, when told so. What is required after that is another copy, with classes of
 * its own. So there all chunks are loaded with the import.
 */
const LOAD_ALL = `if (require("node:util").types.isProxy(require.cache)) {
  for (const name of ${JSON.stringify(["base", "start", ...LATE_CHUNKS, ...LAZY_CHUNKS])})
    require("./" + name + ".cjs")[Symbol.for("asynccpu.loadLazy")]?.();
}`;

/** Modules of Node.js that take some milliseconds to load, and that little needs. */
const LAZY_BUILTINS = [
  "node:child_process",
  "node:crypto",
  "node:inspector",
  "node:net",
  "node:v8",
  "node:worker_threads",
];

const lazyChunks = {
  name: "lazy-chunks",
  renderChunk(code, { importedBindings, name: ofChunk }) {
    let lazyCode = code;
    const uses = [];
    const lateChunks = EARLY_CHUNKS.has(ofChunk) ? LATE_CHUNKS : [];
    const places = [
      ...[...LAZY_CHUNKS, ...lateChunks].map((name) => [`${name}.cjs`, `./${name}.cjs`]),
      ...LAZY_BUILTINS.map((name) => [name, name]),
    ];
    for (const [key, place] of places) {
      const names = importedBindings[key];
      // A module that is used as an object, by its default export, has to be that object.
      if (names === undefined || names.includes("default") || names.includes("*")) continue;
      if (names.length === 0) {
        lazyCode = lazyCode.replace(`require('${place}');`, "");
        continue;
      }
      const required = new RegExp(`const ([\\w$]+) = (require\\('${place}'\\));`);
      const [, variable] = required.exec(code) ?? [];
      if (variable === undefined) throw new Error(`${ofChunk}: ${place} is required in another way than expected`);
      if (place.startsWith(".")) uses.push(`${variable}.${names[0]}`);
      // One line for one line: the map stays right.
      lazyCode = lazyCode.replace(
        required,
        `const $1 = ${LAZY.replace("\n", "")}(() => $2, ${JSON.stringify(names)});`,
      );
    }
    if (uses.length > 0) lazyCode += `exports[Symbol.for("asynccpu.loadLazy")] = () => [${uses.join(", ")}];\n`;
    return { code: FACED.has(ofChunk) ? lazyCode + LOAD_ALL : lazyCode, map: null };
  },
};

const compact = {
  name: "compact",
  async renderChunk(code) {
    const output = { charset: "ascii", platform: "node", target: "node20", sourcemap: true };
    // Node prints the whole line from which an uncaught error was thrown.
    const options = { minifyWhitespace: true, lineLimit: 119, ...output };
    const { code: compactCode, map } = await transform(code, options);
    return { code: compactCode, map: JSON.parse(map) };
  },
};

/** Every module that is loaded with this one, itself included. */
function loadedWith(entry, getModuleInfo) {
  const reached = new Set([entry]);
  for (const file of reached) for (const each of getModuleInfo(file)?.importedIds ?? []) reached.add(each);
  return reached;
}

function chunkOf(file, { getModuleInfo }) {
  const [inParent, inWorker, inReferences, inTesting] = [PARENT, WORKER, REFERENCES, TESTING].map((entry) =>
    loadedWith(entry, getModuleInfo).has(file),
  );
  const name = nameOf(file);
  if (name.startsWith("bullmq/")) return /\/(cli|health)\.js$/.test(name) ? "cli" : "queues";
  if (!inParent && !inReferences && !inWorker) return inTesting ? "inline" : "queues";
  if (!inParent && !inReferences) return "worker";
  // Every executor has them, and few have any.
  if (name === "pickle/variables/owned-variables.js") return "shared";
  // Asked after a whole look alone.
  if (name === "pickle/write/lost-decorators.js") return "references";
  if (!inWorker && inReferences) return PLAIN.some((pattern) => pattern.test(name)) ? "plain" : "references";
  const isExported = getModuleInfo(PARENT).importedIds.includes(file);
  const isRare = RARE.some((pattern) => pattern.test(name)) && !isExported;
  if (!isRare && EARLY.some((pattern) => pattern.test(name))) return inWorker ? "base" : "start";
  if (isExported) throw new Error(`${name} is exported, and not among what is loaded early`);
  return `${inWorker ? "shared" : "core"}${isRare ? "Rare" : ""}`;
}

async function bundle(input, options) {
  const build = await rollup({
    input,
    external: /^(node:|bullmq$|ioredis$)/,
    plugins: [copiesForTesting, compiledFiles, lazyChunks, compact],
    onLog(level, log) {
      // A lazy chunk and one that uses it may well need each other.
      if (level === "warn" && log.code !== "CIRCULAR_CHUNK") throw new Error(log.message);
    },
  });
  const { output } = await build.write({
    dir: DIST,
    format: "cjs",
    // Compilers make `import()` into `require` and a copy of what that gives, unless it says that it is a module.
    esModule: true,
    externalLiveBindings: false,
    dynamicImportInCjs: false,
    hoistTransitiveImports: false,
    generatedCode: "es2015",
    sourcemap: true,
    entryFileNames: "[name].cjs",
    chunkFileNames: "[name].cjs",
    ...options,
  });
  await build.close();
  return output;
}

/** What `pickle/look/syntax-tools.ts` has of other packages: in one file, since finding four packages takes longer. */
const SYNTAX_TOOLS = 'export { parse } from "acorn"; export { analyze } from "eslint-scope";';

/** Where each of the packages in there has its licence. */
const LICENCES = {
  acorn: "LICENSE",
  "eslint-scope": "LICENSE",
  esrecurse: "README.md",
  estraverse: "LICENSE.BSD",
};

async function bundleSyntaxTools() {
  const { metafile } = await bundleByEsbuild({
    stdin: { contents: SYNTAX_TOOLS, resolveDir: ROOT },
    outfile: path.join(DIST, "syntax.cjs"),
    metafile: true,
    bundle: true,
    minify: true,
    lineLimit: 119,
    charset: "ascii",
    platform: "node",
    mainFields: ["module", "main"],
    format: "cjs",
    target: "node20",
    logLevel: "warning",
  });
  const names = Object.keys(metafile.inputs).flatMap((file) => /node_modules\/([^/]+)\//.exec(file)?.[1] ?? []);
  const texts = [...new Set(names)].toSorted().map((name) => {
    if (LICENCES[name] === undefined) throw new Error(`${name} is in a bundle, and its licence is not known`);
    const folder = path.join(ROOT, "node_modules", name);
    const { version } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
    const text = readFileSync(path.join(folder, LICENCES[name]), "utf8");
    const start = Math.max(0, text.indexOf("### License"));
    return `syntax.cjs has code of ${name} ${version}:\n\n${text.slice(start).trim()}\n`;
  });
  writeFileSync(path.join(DIST, "syntax.LICENSES.txt"), texts.join("\n----\n\n"));
}

/**
 * How both faces find the implementation. Bundlers know none of this, so that they don't put it into a bundle, where
 * workers would not find it. A face in a bundle finds the installed package.
 */
function loadFrom(places, chunk) {
  return `
function fileName() {
  try {
    return __filename;
  } catch {
    return undefined;
  }
}

function load() {
  const { process } = globalThis;
  // A face in a bundle may have no place of its own, or the one that it had when the bundle was made.
  // The working directory is asked for last: it may be gone.
  for (const find of [() => ${places}, () => process.argv[1], () => join(process.cwd(), "program")]) {
    const place = find();
    if (place === undefined) continue;
    const requireFrom = nodeModule.createRequire(place);
    let manifest;
    try {
      manifest = requireFrom.resolve("asynccpu/package.json");
    } catch {
      continue;
    }
    return requireFrom(join(manifest, "../dist/${chunk}.cjs"));
  }
  throw new Error(
    "asynccpu is in a bundle, and not installed where the bundle runs. Its workers need its files: install it there, and " +
      "name it as external (esbuild, Rollup, webpack) or in serverExternalPackages (Next.js).",
  );
}
`;
}

function writeFaces(face, chunk, names) {
  // Not of node:process: an import of it reads all its properties, so Node makes the standard streams for it.
  const imports = { nodeModule: "module", "{ join }": "path" };
  const headOf = (write) =>
    Object.entries(imports)
      .map(([name, source]) => write(name, `"node:${source}"`))
      .join("");
  const required = headOf((name, source) => `const ${name} = require(${source});\n`);
  writeFileSync(
    path.join(DIST, `${face}.cjs`),
    `"use strict";\n\n${required}${loadFrom("fileName()", chunk)}\nmodule.exports = load();\n`,
  );
  const exported = `export const {\n${names.map((name) => `  ${name},\n`).join("")}} = load();\n`;
  const imported = headOf((name, source) => `import ${name} from ${source};\n`);
  const loading = loadFrom("import.meta.url ?? fileName()", chunk);
  writeFileSync(path.join(DIST, `${face}.js`), `${imported}${loading}\n${exported}`);
}

/** The declarations that the public ones lead to, as those of CommonJS modules, which is what they describe. */
function writeDeclarations() {
  const files = new Set(["index", "testing/index", "bullmq/index"]);
  for (const file of files) {
    const text = readFileSync(path.join(COMPILED, `${file}.d.ts`), "utf8");
    const ofCommonjs = text.replaceAll(/^((?:import|export) .*from ")(\.[^"]+)\.js"/gm, (_, start, specifier) => {
      files.add(path.join(path.dirname(file), specifier));
      return `${start}${specifier}.cjs"`;
    });
    const target = path.join(DIST, "types", `${file}.d.cts`);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, ofCommonjs);
  }
  for (const [face, file] of [
    ["index", "index"],
    ["testing", "testing/index"],
    ["bullmq", "bullmq/index"],
  ]) {
    writeFileSync(path.join(DIST, `${face}.d.cts`), `export * from "./types/${file}.cjs";\n`);
    writeFileSync(path.join(DIST, `${face}.d.ts`), `export * from "./${face}.cjs";\n`);
  }
}

rmSync(DIST, { recursive: true, force: true });
const entries = { parent: PARENT, worker: WORKER, inline: TESTING, queue: BULLMQ, cli: CLI };
const output = await bundle(entries, { manualChunks: chunkOf });
await bundle({ watchdog: WATCHDOG }, { inlineDynamicImports: true });
await bundleSyntaxTools();
for (const { fileName, imports } of output) {
  if (fileName === "worker.cjs" || imports?.includes("worker.cjs") !== true) continue;
  const { moduleIds } = output.find(({ fileName: name }) => name === "worker.cjs");
  throw new Error(`${fileName} would load the worker: COPIED lacks one of ${moduleIds.map(nameOf).join(", ")}`);
}
for (const [face, chunk] of [
  ["index", "parent"],
  ["testing", "inline"],
  ["bullmq", "queue"],
]) {
  writeFaces(face, chunk, output.find(({ name, isEntry }) => isEntry && name === chunk).exports);
}
writeDeclarations();
