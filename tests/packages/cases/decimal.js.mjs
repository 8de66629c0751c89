import Decimal from "decimal.js";

import { run } from "../run.mjs";

const rate = new Decimal("0.19");
const Precise = Decimal.clone({ precision: 30 });

function gross(net) {
  return new Decimal(net).times(rate.plus(1)).toFixed(2);
}

run([gross, "99.99"], [(text) => new Precise(text).sqrt().toString(), "2"]);
