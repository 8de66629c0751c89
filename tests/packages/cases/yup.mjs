import * as yup from "yup";

import { run } from "../run.mjs";

const schema = yup.object({ name: yup.string().trim().required(), age: yup.number().positive().integer() });

async function check(input) {
  try {
    return await schema.validate(input, { abortEarly: false });
  } catch (error) {
    return error.errors;
  }
}

run([check, { name: " Ada ", age: "3" }], [check, { age: -1 }]);
