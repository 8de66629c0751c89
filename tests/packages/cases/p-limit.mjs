import { default as pLimit } from "p-limit";

import { refused } from "../run.mjs";
import { run } from "../run.mjs";

const limit = pLimit(2);

async function squares(values) {
  const limit = pLimit(2);
  return Promise.all(values.map((value) => limit(async () => value * value)));
}

run(
  [squares, [1, 2, 3]],
  refused("it has private state (#head, #tail, #size)", async (value) => limit(async () => value), 1),
);
