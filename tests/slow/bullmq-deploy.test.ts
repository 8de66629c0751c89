/** The files of docs/deploy.md: what can be checked of them without a cluster. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { pathToFileURL } from "node:url";
import { readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { writeFileSync } from "node:fs";
import path from "node:path";

import { parse } from "yaml";
import { parseAllDocuments } from "yaml";

import { BullMQTaskExecutor } from "../../src/bullmq/index.js";
import { CHECKOUT } from "../testlibraries/program-folder.js";
import { ProgramFolder } from "../testlibraries/program-folder.js";
import { RedisServer } from "../testlibraries/redis-server.js";
import { moduleTask } from "../../src/index.js";
import { startProgram } from "../testlibraries/process-family.js";

type Tree = { readonly [key: string]: Tree } & readonly Tree[] & (string | number | boolean);

const FOLDER = path.join(CHECKOUT, "examples", "deploy");
/** What the command may need beyond its --drain, in seconds: the grace period, and REDIS_WAIT_MS of the host. */
const LAST_WORDS_SECONDS = 10;

function read(name: string): string {
  return readFileSync(path.join(FOLDER, name), "utf8");
}

function has(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}

/** Holds a command to options that there are. @returns Its `--drain`, in seconds. */
function checkWords(words: readonly string[]): number {
  const help = execFileSync(process.execPath, [path.join(CHECKOUT, "dist", "cli.cjs"), "--help"], {
    encoding: "utf8",
  });
  const known = new Set([...help.matchAll(/^ +--(\w+) /gm)].map(([, option]) => option));
  for (const word of words) if (word.startsWith("--")) assert.ok(known.has(word.slice(2)), word);
  const at = words.indexOf("--drain");
  assert.ok(at !== -1 && words.includes("--health"));
  return Number(words[at + 1]);
}

function settingsOf(unit: string): Record<string, string> {
  const lines = unit.split("\n").filter((line) => line !== "" && !/^[#[]/.test(line));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

test("the unit ends a host as it wants to be ended", () => {
  const settings = settingsOf(read("asynccpu-worker.service"));
  const words = settings["ExecStart"]?.split(" ") ?? [];
  assert.match(words[0] ?? "", /\/node_modules\/\.bin\/asynccpu$/);
  assert.ok(Number(settings["TimeoutStopSec"]) > checkWords(words) + LAST_WORDS_SECONDS);
  assert.equal(settings["KillMode"], "mixed");
  assert.equal(settings["User"], "asynccpu");
});

test("systemd takes the unit", (context) => {
  if (!has("systemd-analyze", ["--version"])) return context.skip("there is no systemd-analyze");
  using folder = new ProgramFolder();
  // It wants the program to be there.
  const unit = read("asynccpu-worker.service").replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`);
  folder.write({ "asynccpu-worker.service": unit });
  const verify = (): string => {
    const { status, stdout, stderr } = folder.run(["verify", "--man=no", "./asynccpu-worker.service"], {
      command: "systemd-analyze",
    });
    return `${status === 0 ? "" : `status ${status}\n`}${stdout}${stderr}`
      .split("\n")
      .filter((line) => line.startsWith("status") || line.includes("asynccpu-worker"))
      .join("\n");
  };
  assert.equal(verify(), "");
  folder.write({ "asynccpu-worker.service": unit.replace("KillMode=mixed", "KillMode=gentle") });
  assert.notEqual(verify(), "");
});

/** The instructions of a Dockerfile, in their order. */
function instructionsOf(text: string): (readonly [string, string])[] {
  const joined = text.replaceAll(/^#.*\n/gm, "").replaceAll(/\\\n\s*/g, "");
  return joined
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => /^([A-Z]+) (.+)$/.exec(line) ?? assert.fail(line))
    .map(([, name = "", rest = ""]) => [name, rest]);
}

test("the image runs the command itself, as no root, with one that reaps", () => {
  const instructions = instructionsOf(read("Dockerfile"));
  const known = new Set("FROM RUN WORKDIR ENV COPY USER EXPOSE STOPSIGNAL ENTRYPOINT CMD".split(" "));
  for (const [name] of instructions) assert.ok(known.has(name), name);
  assert.equal(instructions[0]?.[0], "FROM");
  const last = new Map(instructions);
  assert.match(last.get("FROM") ?? "", /^node:24-slim$/);
  assert.equal(last.get("USER"), "node");
  const words = ["ENTRYPOINT", "CMD"].flatMap((name) => JSON.parse(last.get(name) ?? "") as string[]);
  assert.deepEqual(words.slice(0, 4), ["tini", "--", "node_modules/.bin/asynccpu", "worker"]);
  checkWords(words.slice(2));
  assert.equal(words[words.indexOf("--health") + 1], last.get("EXPOSE"));
});

test("Compose keeps what BullMQ needs, and waits for the end of a host", () => {
  const { services, volumes } = parse(read("compose.yaml")) as Tree;
  const { redis, worker } = services as Tree;
  assert.ok(redis && worker && volumes);
  assert.ok((redis["command"] as unknown as string[]).includes("noeviction"));
  assert.match(String(worker["environment"]?.["REDIS_URL"]), /^redis:\/\/redis:6379$/);
  const [, words = ""] = /^CMD (.*)$/m.exec(read("Dockerfile")) ?? [];
  const drainSeconds = checkWords(JSON.parse(words) as string[]);
  const [, seconds] = /^(\d+)s$/.exec(String(worker["stop_grace_period"])) ?? [];
  assert.ok(Number(seconds) > drainSeconds + LAST_WORDS_SECONDS);
  const check = worker["healthcheck"]?.["test"] as unknown as string[];
  assert.deepEqual(check.slice(0, 3), ["CMD", "node", "-e"]);
  execFileSync(process.execPath, ["--check", "-"], { input: check[3] ?? "" });
});

test("Docker Compose takes the file", (context) => {
  if (!has("docker", ["compose", "version"])) return context.skip("there is no docker compose");
  execFileSync("docker", ["compose", "-f", path.join(FOLDER, "compose.yaml"), "config", "--quiet"]);
});

test("Kubernetes: probes, times, and a number of hosts by a metric that there is", () => {
  const documents = parseAllDocuments(read("kubernetes.yaml"));
  for (const { errors } of documents) assert.deepEqual(errors, []);
  const [deployment, scaled] = documents.map((document) => document.toJS() as Tree);
  assert.ok(deployment && scaled);
  assert.deepEqual([deployment["apiVersion"], deployment["kind"]], ["apps/v1", "Deployment"]);
  const labels = deployment["spec"]?.["template"]?.["metadata"]?.["labels"];
  assert.deepEqual(deployment["spec"]?.["selector"]?.["matchLabels"], labels);
  const pod = deployment["spec"]?.["template"]?.["spec"];
  const container = pod?.["containers"]?.[0];
  const drainSeconds = checkWords(container?.["args"] as unknown as string[]);
  assert.ok(Number(pod?.["terminationGracePeriodSeconds"]) > drainSeconds + LAST_WORDS_SECONDS);
  assert.equal(pod?.["securityContext"]?.["runAsNonRoot"], true);
  const pathOf = (probe: string): unknown => container?.[probe]?.["httpGet"]?.["path"];
  assert.deepEqual(["startupProbe", "readinessProbe", "livenessProbe"].map(pathOf), [undefined, "/health", "/live"]);
  assert.deepEqual([scaled["apiVersion"], scaled["kind"]], ["keda.sh/v1alpha1", "ScaledObject"]);
  assert.equal(scaled["spec"]?.["scaleTargetRef"]?.["name"], deployment["metadata"]?.["name"]);
  assert.ok(Number(scaled["spec"]?.["minReplicaCount"]) >= 1);
  const trigger = scaled["spec"]?.["triggers"]?.[0];
  assert.equal(trigger?.["type"], "prometheus");
  const words = container?.["args"] as unknown as string[];
  assert.ok(Number(trigger?.["metadata"]?.["threshold"]) <= Number(words[words.indexOf("--jobs") + 1]));
  const query = String(trigger?.["metadata"]?.["query"]);
  const metrics = readFileSync(path.join(CHECKOUT, "src", "bullmq", "host", "metrics.ts"), "utf8");
  const [, metric = ""] = /(asynccpu_\w+)/.exec(query) ?? [];
  assert.ok(metrics.includes(`"${metric}"`), metric);
  for (const label of ["version", "state", "queue"]) assert.ok(query.includes(label));
});

const TASKS = `import { existsSync } from "node:fs";
export async function waitForFile(path) {
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 20));
  return "there";
}
`;

for (const page of ["deploy.md", "api.md"]) {
  test(`the program with a host in docs/${page} lets its tasks end at SIGTERM`, async () => {
    const text = readFileSync(path.join(CHECKOUT, "docs", page), "utf8");
    const [, code = ""] = /^```(?:js|typescript)\n([^`]*new BullMQTaskHost[^`]*)^```$/m.exec(text) ?? [];
    using folder = new ProgramFolder();
    folder.linkPackage();
    folder.write({ "package.json": '{ "type": "module" }', "host.js": code, "tasks.js": TASKS });
    await using server = await RedisServer.start();
    await using program = startProgram(folder.at("host.js"), { env: { REDIS_URL: server.url } });
    const tasks = pathToFileURL(folder.at("tasks.js"));
    const waitForFile = moduleTask<(path: string) => Promise<string>>(tasks, "waitForFile");
    await using executor = new BullMQTaskExecutor({ connection: { url: server.url }, tasks });
    const future = executor.submit(waitForFile, folder.at("gate"));
    await future.started;
    program.kill("SIGTERM");
    writeFileSync(folder.at("gate"), "");
    assert.equal(await future, "there");
    assert.equal((await program.waitForEnd()).code, 0);
    await program.waitForNobody();
  });
}

test("docs/deploy.md names every file, and every metric", () => {
  const page = readFileSync(path.join(CHECKOUT, "docs", "deploy.md"), "utf8");
  for (const name of ["asynccpu-worker.service", "Dockerfile", "compose.yaml", "kubernetes.yaml"]) {
    assert.ok(page.includes(name), name);
  }
  const metrics = readFileSync(path.join(CHECKOUT, "src", "bullmq", "host", "metrics.ts"), "utf8");
  const names = [...metrics.matchAll(/"(asynccpu_\w+)"/g)].map(([, name]) => name ?? "");
  assert.ok(names.length >= 5);
  for (const name of names) assert.ok(page.includes(`\`${name}\``), name);
});
