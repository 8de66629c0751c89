import createDebug from "debug";

import { run } from "../run.mjs";

const debug = createDebug("app:sums");

function sum(values) {
  debug("summing %d values", values.length);
  return values.reduce((total, value) => total + value, 0);
}

run([sum, [1, 2, 3]], [() => debug.enabled]);
