import { NIL } from "uuid";
import { v4 as uuid } from "uuid";
import { v5 } from "uuid";
import { validate } from "uuid";

import { run } from "../run.mjs";

const namespace = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

function idOf(name) {
  return v5(name, namespace);
}

run([idOf, "ada"], [() => validate(uuid()) && uuid() !== NIL], [validate, "x"]);
