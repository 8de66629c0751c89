import { customAlphabet } from "nanoid";
import { nanoid } from "nanoid";

import { run } from "../run.mjs";

const codeOf = customAlphabet("0123456789", 6);

function makeCodes(count) {
  return Array.from({ length: count }, () => /^\d{6}$/.test(codeOf()));
}

run([makeCodes, 3], [() => nanoid().length]);
