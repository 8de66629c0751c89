import { deflate } from "pako";
import { inflate } from "pako";

import { run } from "../run.mjs";

const options = { level: 9 };

function shrink(text) {
  return deflate(text, options).length < text.length;
}

run([shrink, "a".repeat(1000)], [(data) => new TextDecoder().decode(inflate(data)), deflate("hello")]);
