import { List } from "immutable";
import { Map as ImmutableMap } from "immutable";
import { Record } from "immutable";
import { fromJS } from "immutable";

import { run } from "../run.mjs";

const settings = fromJS({ theme: { dark: true }, sizes: [1, 2] });
const Point = Record({ x: 0, y: 0 });
const origin = Point();

function grow(by) {
  const next = settings.update("sizes", (sizes) => sizes.map((size) => size * by));
  return { sizes: next.get("sizes").toJS(), shared: next.get("theme") === settings.get("theme") };
}

function move(x) {
  return origin.set("x", x).toObject();
}

function count(words) {
  return List(words)
    .reduce((counts, word) => counts.update(word, 0, (before) => before + 1), ImmutableMap())
    .toObject();
}

run([grow, 3], [move, 2], [count, ["a", "b", "a"]]);
