import Handlebars from "handlebars";

import { runWith } from "../run.mjs";

const template = Handlebars.compile("Hello {{name}}{{#each items}}, {{this}}{{/each}}!");
const loud = Handlebars.compile("{{loud name}}");

// What the program does to a package, a worker has to do as well.
function setup() {
  Handlebars.registerHelper("loud", (text) => text.toUpperCase());
}

function render(data) {
  return template(data);
}

setup();
runWith(
  { initializer: setup },
  [render, { name: "Ada", items: [1, 2] }],
  [(data) => loud(data), { name: "Ada" }],
  [(text) => Handlebars.compile(text)({ a: 1 }), "{{a}}"],
);
