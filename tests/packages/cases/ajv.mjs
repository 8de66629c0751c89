import Ajv from "ajv";

import { run } from "../run.mjs";

const ajv = new Ajv({ allErrors: true });
const validate = ajv.compile({
  type: "object",
  properties: { name: { type: "string", minLength: 2 }, tags: { type: "array", uniqueItems: true } },
  required: ["name"],
});

function check(data) {
  return validate(data) ? "valid" : ajv.errorsText(validate.errors);
}

run([check, { name: "Ada" }], [check, { name: "A", tags: [1, 1] }]);
