/** The cases of tests/runners/program under what others run, test and bundle programs with. */

import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { readFileSync } from "node:fs";
import { after } from "node:test";
import { before } from "node:test";
import { describe } from "node:test";
import { test } from "node:test";

import { COMMON_CASES } from "../testlibraries/case-programs.js";
import { CasePrograms } from "../testlibraries/case-programs.js";
import { MODULE_CASES } from "../testlibraries/case-programs.js";
import { SYNTAX_CASES } from "../testlibraries/case-programs.js";
import { assertAllCasesPassed } from "../testlibraries/case-programs.js";
import { installTools } from "../testlibraries/runner-tools.js";
import { linkTool } from "../testlibraries/runner-tools.js";
import { toolFile } from "../testlibraries/runner-tools.js";
import { toolUrl } from "../testlibraries/runner-tools.js";

const stripsTypes = Boolean((process.features as { readonly typescript?: unknown }).typescript);
const ESBUILD = toolFile("esbuild", "bin", "esbuild");
const ROLLUP = toolFile("rollup", "dist", "bin", "rollup");

const ROLLUP_CONFIG = `
  import json from ${JSON.stringify(toolUrl("@rollup", "plugin-json", "dist", "es", "index.js"))};
  import terser from ${JSON.stringify(toolUrl("@rollup", "plugin-terser", "dist", "es", "index.js"))};
  const plugins = process.env.MINIFY === "1" ? [json(), terser({ module: true })] : [json()];
  export default {
    input: process.env.INPUT,
    external: ["asynccpu", /^node:/],
    plugins,
    output: { file: process.env.OUTPUT, format: process.env.FORMAT, inlineDynamicImports: true },
  };
`;

const WEBPACK_SCRIPT = `
  import path from "node:path";
  import webpack from ${JSON.stringify(toolUrl("webpack", "lib", "index.js"))};
  const { INPUT, OUTPUT, FORMAT, MINIFY } = process.env;
  const isModule = FORMAT === "es";
  webpack(
    {
      mode: MINIFY === "1" ? "production" : "development",
      devtool: false,
      target: "node20",
      entry: INPUT,
      externals: { asynccpu: (isModule ? "module " : "commonjs ") + "asynccpu" },
      experiments: isModule ? { outputModule: true } : {},
      output: {
        path: path.dirname(OUTPUT),
        filename: path.basename(OUTPUT),
        ...(isModule && { library: { type: "module" }, chunkFormat: "module" }),
      },
    },
    (error, stats) => {
      if (error || stats.hasErrors()) {
        console.error(error ?? stats.toString());
        process.exitCode = 1;
      }
    },
  );
`;

describe("all cases pass", () => {
  const folder = new CasePrograms(["typescript", "typescript-commonjs", "module", "commonjs"]);
  before(() => {
    installTools();
    linkTool(folder, "vitest");
    linkTool(folder, "@swc-node");
    folder.write({
      "rollup.config.mjs": ROLLUP_CONFIG,
      "webpack.mjs": WEBPACK_SCRIPT,
      "typescript/tsconfig.json": JSON.stringify({ compilerOptions: { target: "es2022", module: "nodenext" } }),
      "typescript-commonjs/tsconfig.json": JSON.stringify({
        compilerOptions: { target: "es2022", module: "commonjs", esModuleInterop: true },
      }),
      "module/vitest.config.js": "export default { test: { globals: true } };",
      "typescript/vitest.config.ts": "export default { test: { globals: true } };",
      "module/jest.config.json": JSON.stringify({ transform: {}, testMatch: ["**/cases.test.js"] }),
    });
  });
  after(() => folder[Symbol.dispose]());

  test("under swc's register hook, as an ES module", () => {
    const hook = toolUrl("@swc-node", "register", "esm", "esm-register.mjs");
    // The hook uses a function that Node 26 warns of.
    const args = ["--no-deprecation", "--import", hook, "main-module.ts"];
    assertAllCasesPassed(folder.run(args, { cwd: "typescript" }), MODULE_CASES);
  });

  test("under swc's register hook, as CommonJS", () => {
    const hook = toolFile("@swc-node", "register", "index.js");
    const options = { cwd: "typescript-commonjs" };
    assertAllCasesPassed(folder.run(["--require", hook, "main-common.ts"], options), COMMON_CASES);
  });

  for (const [form, pool] of [
    ["module", "forks"],
    ["typescript", "forks"],
    ["typescript", "threads"],
  ] as const) {
    // A dynamic import in a task is the worker's own, and needs a Node that loads such a file.
    const skip = form === "typescript" && !stripsTypes && "this Node does not strip types";
    test(`under vitest, ${form}, with its pool ${pool}`, { skip }, () => {
      const args = [toolFile("vitest", "vitest.mjs"), "run", "--root", form, `--pool=${pool}`];
      const { stdout, stderr, status } = folder.run(args, { env: { NO_COLOR: "1" } });
      assert.equal(status, 0, `${stdout}\n${stderr}`);
      assert.match(stdout, /Tests {2}1 passed/);
    });
  }

  test("under jest, with modules", () => {
    const args = ["--experimental-vm-modules", "--no-warnings", toolFile("jest", "bin", "jest.js")];
    const { stdout, stderr, status } = folder.run(args, { cwd: "module" });
    assert.equal(status, 0, `${stdout}\n${stderr}`);
    assert.match(stderr, /Tests: +1 passed/);
  });

  const bundlers: readonly [name: string, bundle: (env: Record<string, string>) => void][] = [
    [
      "esbuild",
      ({ INPUT = "", OUTPUT = "", FORMAT = "", MINIFY }) => {
        const format = FORMAT === "es" ? "esm" : "cjs";
        const options = ["--bundle", "--platform=node", "--external:asynccpu", "--log-level=error"];
        const minify = MINIFY === "1" ? ["--minify"] : [];
        const result = folder.run([INPUT, ...options, ...minify, `--format=${format}`, `--outfile=${OUTPUT}`], {
          command: ESBUILD,
        });
        assert.equal(result.status, 0, result.stderr);
      },
    ],
    [
      "Rollup",
      (env) => {
        const { status, stderr } = folder.run([ROLLUP, "--silent", "--config", "rollup.config.mjs"], { env });
        assert.equal(status, 0, stderr);
      },
    ],
    [
      "webpack",
      (env) => {
        const { status, stdout, stderr } = folder.run(["webpack.mjs"], { env });
        assert.equal(status, 0, stdout + stderr);
      },
    ],
  ];
  for (const [name, bundle] of bundlers) {
    for (const format of ["es", "cjs"]) {
      for (const minify of ["0", "1"]) {
        const isModule = format === "es";
        test(`in a bundle of ${name}, ${isModule ? "an ES module" : "CommonJS"}${minify === "1" ? ", minified" : ""}`, () => {
          // With top-level await in its bundle, webpack's import() holds promises: see the test below.
          const hasModuleCases = isModule && name !== "webpack";
          const output = `${name}-${minify}.${isModule ? "mjs" : "cjs"}`;
          bundle({
            INPUT: folder.at("module", hasModuleCases ? "main-module.js" : "main-common.js"),
            OUTPUT: folder.at(output),
            FORMAT: format,
            MINIFY: minify,
          });
          assertAllCasesPassed(folder.run([output]), hasModuleCases ? MODULE_CASES : COMMON_CASES);
        });
      }
    }
  }

  test("in a bundle of esbuild, of what only compilers understand", () => {
    const options = [
      "--bundle",
      "--platform=node",
      "--external:asynccpu",
      "--format=esm",
      "--minify",
      "--target=es2022",
    ];
    const main = folder.at("typescript", "main-syntax.ts");
    const built = folder.run([main, ...options, `--outfile=${folder.at("syntax.mjs")}`], { command: ESBUILD });
    assert.equal(built.status, 0, built.stderr);
    assertAllCasesPassed(folder.run(["syntax.mjs"]), SYNTAX_CASES);
  });

  test("not when asynccpu itself is in the bundle: the error says to leave it out", () => {
    const require = 'import { createRequire as create } from "node:module"; const require = create(import.meta.url);';
    const options = ["--bundle", "--platform=node", "--format=esm", "--log-level=error", `--banner:js=${require}`];
    const main = folder.at("module", "main-common.js");
    const built = folder.run([main, ...options, `--outfile=${folder.at("whole.mjs")}`], { command: ESBUILD });
    assert.equal(built.status, 0, built.stderr);
    assert.match(
      folder.run(["whole.mjs"]).stdout,
      /a declaration: .*leave the package out of the bundle, as external/,
    );
  });

  test("not for import() in a webpack bundle with top-level await: that is refused, with what to do", () => {
    const input = folder.at("module", "main-module.js");
    const env = { INPUT: input, OUTPUT: folder.at("awaits.mjs"), FORMAT: "es", MINIFY: "0" };
    const built = folder.run(["webpack.mjs"], { env });
    assert.equal(built.status, 0, built.stdout + built.stderr);
    const { stdout } = folder.run(["awaits.mjs"]);
    assert.match(stdout, /^2 of \d+ failed$/m);
    assert.match(stdout, /a dynamic import: .*can't be sent to a worker process/);
    assert.match(stdout, /moduleTask\(new URL/);
  });
});

describe("all cases pass under Yarn's Plug'n'Play", () => {
  const folder = new CasePrograms(["module"]);
  before(installTools);
  after(() => folder[Symbol.dispose]());

  function assertRan(command: string, args: readonly string[], cwd: string): void {
    const { status, stdout, stderr } = folder.run(args, { command, cwd, env: { YARN_ENABLE_TELEMETRY: "0" } });
    assert.equal(status, 0, stdout + stderr);
  }

  test("of an ES module", () => {
    const manifest = JSON.parse(readFileSync(folder.at("node_modules", "asynccpu", "package.json"), "utf8")) as object;
    const less = { scripts: undefined, devDependencies: undefined, optionalDependencies: undefined };
    folder.write({ "package/package.json": JSON.stringify({ ...manifest, version: "0.0.0", ...less }) });
    cpSync(folder.at("node_modules", "asynccpu", "dist"), folder.at("package", "dist"), {
      recursive: true,
      dereference: true,
    });
    assertRan("npm", ["pack", "--silent"], "package");
    const registry = folder.run(["config", "get", "registry"], { command: "npm" }).stdout.trim();
    const settings = {
      nodeLinker: "pnp",
      enableGlobalCache: false,
      // Yarn turns this on where it finds CI=1: the lock file, empty here, could not be written.
      enableImmutableInstalls: false,
      npmRegistryServer: registry,
      unsafeHttpWhitelist: ["*"],
    };
    folder.write({
      "module/package.json": JSON.stringify({
        type: "module",
        packageManager: "yarn@4.18.1",
        dependencies: { asynccpu: "file:../package/asynccpu-0.0.0.tgz" },
      }),
      "module/yarn.lock": "",
      // YAML knows JSON.
      "module/.yarnrc.yml": JSON.stringify(settings),
    });
    const yarn = toolFile("@yarnpkg", "cli-dist", "bin", "yarn.js");
    assertRan(process.execPath, [yarn, "install"], "module");
    assertAllCasesPassed(folder.run([yarn, "node", "main-module.js"], { cwd: "module" }), MODULE_CASES);
  });
});
