import jwt from "jsonwebtoken";

import { run } from "../run.mjs";

const secret = "not a secret";
const options = { algorithm: "HS256", noTimestamp: true };

function sign(payload) {
  return jwt.sign(payload, secret, options);
}

function verify(token) {
  try {
    return jwt.verify(token, secret);
  } catch (error) {
    return error instanceof jwt.JsonWebTokenError ? error.message : "another error";
  }
}

run([sign, { sub: "ada" }], [verify, jwt.sign({ sub: "bob" }, secret, options)], [verify, "x.y.z"]);
