import bcrypt from "bcryptjs";

import { run } from "../run.mjs";

const salt = "$2b$04$abcdefghijklmnopqrstuu";

async function hash(password) {
  return bcrypt.hash(password, salt);
}

async function verify(password, hashed) {
  return bcrypt.compare(password, hashed);
}

const known = bcrypt.hashSync("secret", salt);
run([hash, "secret"], [verify, "secret", known], [(text) => bcrypt.compareSync(text, known), "other"]);
