import { all } from "mathjs";
import { create } from "mathjs";
import { evaluate } from "mathjs";
import { matrix } from "mathjs";
import { multiply } from "mathjs";

import { run } from "../run.mjs";

const identity = [
  [1, 0],
  [0, 1],
];

function product(rows) {
  return multiply(matrix(rows), matrix(identity)).toArray();
}

function precise(expression) {
  const math = create(all, { number: "BigNumber", precision: 20 });
  return math.format(math.evaluate(expression));
}

run([product, [[1, 2]]], [precise, "1 / 3"], [(text) => evaluate(text), "2 * (3 + 4)"]);
