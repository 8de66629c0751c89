import { LRUCache } from "lru-cache";

import { refused } from "../run.mjs";
import { runWith } from "../run.mjs";

const options = { max: 100 };
const shared = new LRUCache(options);
let cache;

function makeCache() {
  cache = new LRUCache(options);
}

function square(value) {
  const known = cache.get(value);
  if (known !== undefined) return known;
  const result = value * value;
  cache.set(value, result);
  return result;
}

makeCache();
runWith(
  { initializer: makeCache },
  [square, 3],
  [square, 3],
  refused("shared: it has private state (#", () => shared.get(1)),
);
