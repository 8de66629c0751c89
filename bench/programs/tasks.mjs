// What every program does with its pool: COUNT tasks that do nothing; or, with STEPS, 8 tasks that compute so many
// steps, then COUNT of them, and how long these took is printed, in milliseconds.

const WARM_COUNT = 8;

const [count, steps] = process.argv.slice(2).map(Number);

/**
 * @param noop - Runs a task that gives back its argument.
 * @param churn - Runs one that computes so many steps.
 */
export async function runTasks(noop, churn) {
  if (steps === undefined) {
    const values = await Promise.all(Array.from({ length: count }, (_, i) => noop(i)));
    if (values.some((value, i) => value !== i)) process.exitCode = 1;
    return;
  }
  const churnAll = (length) => Promise.all(Array.from({ length }, () => churn(steps)));
  const [expected] = await churnAll(WARM_COUNT);
  const start = performance.now();
  const values = await churnAll(count);
  console.log(performance.now() - start);
  if (values.some((value) => value !== expected)) process.exitCode = 1;
}
