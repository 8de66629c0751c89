import * as R from "ramda";

import { run } from "../run.mjs";

const total = R.pipe(R.filter(R.propEq("a", "team")), R.map(R.prop("amount")), R.sum);
const addTax = R.curry((rate, amount) => amount * (1 + rate));
const addHalf = addTax(0.5);

function report(rows) {
  return { total: total(rows), taxed: R.map(addHalf, R.pluck("amount", rows)) };
}

run(
  [
    report,
    [
      { team: "a", amount: 2 },
      { team: "b", amount: 4 },
    ],
  ],
  [R.toUpper, "text"],
  [total, []],
);
