// The first example of the README, in plain JavaScript: node examples/quickstart.mjs (after npm run dist).

import { ProcessTaskPoolExecutor } from "asynccpu";

async function processCpuBound(taskId) {
  let sum = 0;
  for (let i = 0; i < 10 ** 7; i++) sum += i * i;
  return `taskId: ${taskId}, result: ${sum}`;
}

const executor = new ProcessTaskPoolExecutor({ maxWorkers: 3, cancelTasksWhenShutdown: true });
try {
  const tasks = Array.from({ length: 10 }, (_, x) => executor.createProcessTask(processCpuBound, x));
  for (const result of await Promise.all(tasks)) console.log(result);
} finally {
  await executor.shutdown();
}
