import { dump } from "js-yaml";
import { load } from "js-yaml";

import { run } from "../run.mjs";

const defaults = load("port: 80\nhosts: [a, b]\n");

function readConfig(text) {
  return { ...defaults, ...load(text) };
}

run([readConfig, "port: 8080"], [(data) => dump(data), { a: [1, { b: null }] }]);
