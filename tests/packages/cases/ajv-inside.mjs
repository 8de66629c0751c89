import Ajv from "ajv";

import { run } from "../run.mjs";

const schema = { type: "object", properties: { age: { type: "integer" } }, required: ["age"] };
let validator;

function check(data) {
  validator ??= new Ajv().compile(schema);
  return validator(data);
}

run([check, { age: 3 }], [check, { age: 3.5 }]);
