import Joi from "joi";

import { refused } from "../run.mjs";
import { run } from "../run.mjs";

// Its symbols are known to code of the package only, which the worker imports.
const schema = Joi.object({
  name: Joi.string().min(2).required(),
  birth: Joi.number().integer().min(1900),
  email: Joi.string().email({ tlds: false }),
});

function check(input) {
  const { error, value } = schema.validate(input, { abortEarly: false });
  return error === undefined ? value : error.details.map(({ message }) => message);
}

function checkInside(input) {
  const inside = Joi.object({ name: Joi.string().min(2) });
  return inside.validate(input).error?.message ?? "valid";
}

run(refused("nothing that is sent knows Symbol(", check, { name: "Ada" }), [checkInside, { name: "A" }]);
