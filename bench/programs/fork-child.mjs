import { churn } from "./worker.mjs";
import { run } from "./worker.mjs";

process.on("message", ({ i, x, steps }) => process.send({ i, value: steps === undefined ? run(x) : churn(steps) }));
