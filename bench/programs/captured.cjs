// As captured.mjs, in CommonJS.
const path = require("node:path");

const { ProcessTaskPoolExecutor } = require("asynccpu");

const folder = "/data";
const nameOf = (i) => path.join(folder, String(i));

async function main() {
  const count = Number(process.argv[2]);
  const executor = new ProcessTaskPoolExecutor({ maxWorkers: 2 });
  const values = await Promise.all(Array.from({ length: count }, (_, i) => executor.submit(nameOf, i)));
  await executor.shutdown();
  if (values.some((value, i) => value !== nameOf(i))) process.exitCode = 1;
}

void main();
