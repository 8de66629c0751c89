import * as cheerio from "cheerio";

import { run } from "../run.mjs";

const page = "<ul><li class='a'>1</li><li>2</li></ul>";
const $ = cheerio.load(page);

function titles(html) {
  const $ = cheerio.load(html);
  return $("h1, h2")
    .map((_, element) => $(element).text())
    .get();
}

function textOf(selector) {
  return $(selector).text();
}

run([titles, "<h1>A</h1><p>x</p><h2>B</h2>"], [textOf, "li.a"], [textOf, "li"]);
