import { XMLBuilder } from "fast-xml-parser";
import { XMLParser } from "fast-xml-parser";

import { run } from "../run.mjs";

const parser = new XMLParser({ ignoreAttributes: false, isArray: (name) => name === "item" });
const builder = new XMLBuilder({ format: true });

function items(xml) {
  return parser.parse(xml).list.item;
}

run(
  [items, '<list><item id="1">a</item><item id="2">b</item></list>'],
  [(data) => builder.build(data), { a: { b: 1 } }],
);
