import ejs from "ejs";

import { run } from "../run.mjs";

const template = ejs.compile("<ul><% for (const item of items) { %><li><%= item %></li><% } %></ul>");

function renderList(items) {
  return template({ items });
}

function renderText(text, data) {
  return ejs.render(text, data);
}

run([renderList, ["a", "<b>"]], [renderText, "<%= a + 1 %>", { a: 1 }]);
