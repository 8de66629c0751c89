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
  import { nodeResolve } from ${JSON.stringify(toolUrl("@rollup", "plugin-node-resolve", "dist", "es", "index.js"))};
  const { INSIDE, MINIFY } = process.env;
  const plugins = [json(), ...(MINIFY === "1" ? [terser({ module: true })] : []), ...(INSIDE ? [nodeResolve()] : [])];
  export default {
    input: process.env.INPUT,
    external: INSIDE ? [/^node:/] : ["asynccpu", /^node:/],
    plugins,
    output: { file: process.env.OUTPUT, format: process.env.FORMAT, inlineDynamicImports: true },
  };
`;

const WEBPACK_SCRIPT = `
  import path from "node:path";
  import webpack from ${JSON.stringify(toolUrl("webpack", "lib", "index.js"))};
  const { INPUT, OUTPUT, FORMAT, INSIDE, MINIFY } = process.env;
  const isModule = FORMAT === "es";
  webpack(
    {
      mode: MINIFY === "1" ? "production" : "development",
      devtool: false,
      target: "node20",
      entry: INPUT,
      externals: INSIDE ? {} : { asynccpu: (isModule ? "module " : "commonjs ") + "asynccpu" },
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

const FORGETS_MODULES = `
  const { NotAFunctionError, ProcessFuture, ProcessTaskPoolExecutor, registerClass } = require("asynccpu");

  test("classes stay what they are", async () => {
    const executor = new ProcessTaskPoolExecutor({ maxWorkers: 1 });
    const refused = executor.submit(1);
    expect(refused).toBeInstanceOf(ProcessFuture);
    expect(await refused.exception()).toBeInstanceOf(NotAFunctionError);

    class Point {}
    registerClass(Point);
    expect(await executor.submit((point) => point, new Point())).toBeInstanceOf(Point);
    await executor.shutdown();
  }, 60_000);
`;

const BABEL_TYPESCRIPT = toolFile("@babel", "preset-typescript");
const BABEL_ENV = [toolFile("@babel", "preset-env"), { targets: { node: "current" } }];

/** How Jest runs the test `NAME.test.ts`. */
function jestConfig(name: string, transformer: string, options: object, modules: readonly string[] = []): string {
  return JSON.stringify({
    testMatch: [`**/${name}.test.ts`],
    transform: { "\\.ts$": [toolFile(transformer), options] },
    extensionsToTreatAsEsm: modules,
  });
}

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
      "commonjs/forgets.json": JSON.stringify({
        transform: {},
        testMatch: ["**/forgets.test.js"],
        resetModules: true,
      }),
      "commonjs/forgets.test.js": FORGETS_MODULES,
      "typescript/babel.json": jestConfig("common", "babel-jest", { presets: [BABEL_ENV, BABEL_TYPESCRIPT] }),
      "typescript/ts-jest.json": jestConfig("common", "ts-jest", {
        diagnostics: false,
        tsconfig: "tsconfig.jest.json",
      }),
      "typescript/babel-modules.json": jestConfig("cases", "babel-jest", { presets: [BABEL_TYPESCRIPT] }, [".ts"]),
      "typescript/tsconfig.jest.json": JSON.stringify({
        compilerOptions: { target: "es2022", module: "commonjs", esModuleInterop: true },
      }),
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

  // A dynamic import in a task is the worker's own, and needs a Node that loads such a file.
  const leftOut = stripsTypes ? {} : { ASYNCCPU_TEST_LEFT_OUT: "a dynamic import of a file" };

  for (const [form, pool] of [
    ["module", "forks"],
    ["typescript", "forks"],
    ["typescript", "threads"],
  ] as const) {
    test(`under vitest, ${form}, with its pool ${pool}`, () => {
      const args = [toolFile("vitest", "vitest.mjs"), "run", "cases", "--root", form, `--pool=${pool}`];
      const env = { NO_COLOR: "1", ...(form === "typescript" && leftOut) };
      const { stdout, stderr, status } = folder.run(args, { env });
      assert.equal(status, 0, `${stdout}\n${stderr}`);
      assert.match(stdout, /Tests {2}1 passed/);
    });
  }

  for (const [name, config, flags, env] of [
    ["babel-jest", "babel.json", [], leftOut],
    ["ts-jest", "ts-jest.json", [], leftOut],
    ["babel-jest, with modules", "babel-modules.json", ["--experimental-vm-modules", "--no-warnings"], leftOut],
  ] as const) {
    test(`under jest, in TypeScript by ${name}`, () => {
      const args = [...flags, toolFile("jest", "bin", "jest.js"), "--config", config];
      const { stdout, stderr, status } = folder.run(args, { cwd: "typescript", env });
      assert.equal(status, 0, `${stdout}\n${stderr}`);
      assert.match(stderr, /Tests: +1 passed/);
    });
  }

  test("under jest, with modules", () => {
    const args = ["--experimental-vm-modules", "--no-warnings", toolFile("jest", "bin", "jest.js")];
    const { stdout, stderr, status } = folder.run(args, { cwd: "module" });
    assert.equal(status, 0, `${stdout}\n${stderr}`);
    assert.match(stderr, /Tests: +1 passed/);
  });

  test("under jest, which forgets modules before the first task", () => {
    const args = [toolFile("jest", "bin", "jest.js"), "--config", "forgets.json"];
    const { stdout, stderr, status } = folder.run(args, { cwd: "commonjs" });
    assert.equal(status, 0, `${stdout}\n${stderr}`);
    assert.match(stderr, /Tests: +1 passed/);
  });

  const bundlers: readonly [name: string, bundle: (env: Record<string, string>) => void][] = [
    [
      "esbuild",
      ({ INPUT = "", OUTPUT = "", FORMAT = "", INSIDE, MINIFY }) => {
        const options = ["--bundle", "--platform=node", "--log-level=error", `--outfile=${OUTPUT}`];
        options.push(`--format=${FORMAT === "es" ? "esm" : "cjs"}`);
        if (INSIDE === undefined) options.push("--external:asynccpu");
        if (MINIFY === "1") options.push("--minify");
        const result = folder.run([INPUT, ...options], {
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
        const title = `in a bundle of ${name}, ${isModule ? "an ES module" : "CommonJS"}${minify === "1" ? ", minified" : ""}`;
        test(title, () => {
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

  for (const [name, bundle] of bundlers) {
    for (const format of ["es", "cjs"]) {
      test(`in a bundle of ${name}, ${format}, that was not told to leave asynccpu out`, () => {
        const output = `${name}-inside.${format === "es" ? "mjs" : "cjs"}`;
        bundle({
          INPUT: folder.at("module", "main-common.js"),
          OUTPUT: folder.at(output),
          FORMAT: format,
          INSIDE: "1",
        });
        assertAllCasesPassed(folder.run([output]), COMMON_CASES);
        // As it is deployed without its packages. Webpack has written the place of the package into the bundle.
        if (name === "webpack") return;
        folder.write({ "../alone/package.json": "{}" });
        cpSync(folder.at(output), folder.at("..", "alone", output));
        const { stderr, status } = folder.run([output], { cwd: "../alone" });
        assert.notEqual(status, 0);
        assert.match(stderr, /asynccpu is in a bundle, and not installed where the bundle runs.*install it there/);
      });
    }
  }

  test("in a bundle of esbuild of a CommonJS program, as an ES module", () => {
    const require = 'import { createRequire as create } from "node:module"; const require = create(import.meta.url);';
    const options = ["--bundle", "--platform=node", "--format=esm", "--log-level=error", `--banner:js=${require}`];
    const main = folder.at("commonjs", "main-common.js");
    const built = folder.run([main, ...options, `--outfile=${folder.at("whole.mjs")}`], { command: ESBUILD });
    assert.equal(built.status, 0, built.stderr);
    assertAllCasesPassed(folder.run(["whole.mjs"]), COMMON_CASES);
  });

  test("not for import() in a webpack bundle with top-level await: that is refused, with what to do", () => {
    const input = folder.at("module", "main-module.js");
    const env = { INPUT: input, OUTPUT: folder.at("awaits.mjs"), FORMAT: "es", MINIFY: "0" };
    const built = folder.run(["webpack.mjs"], { env });
    assert.equal(built.status, 0, built.stdout + built.stderr);
    const { stdout } = folder.run(["awaits.mjs"]);
    assert.match(stdout, /^2 of \d+ failed$/m);
    assert.match(stdout, /a dynamic import of a file: .*can't be sent to a worker process/);
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
