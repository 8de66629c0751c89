import pug from "pug";

import { run } from "../run.mjs";

const page = pug.compile("html\n  body\n    h1= title\n    each item in items\n      p(class='item')= item");

function render(locals) {
  return page(locals);
}

run([render, { title: "Hi", items: ["a", "<b>"] }], [(text) => pug.render(text), "p= 1 + 2"]);
