import Mustache from "mustache";

import { run } from "../run.mjs";

const template = "{{#users}}{{> user}}{{/users}}";
const partials = { user: "<b>{{name}}</b>" };
const writer = new Mustache.Writer();

function render(view) {
  return Mustache.render(template, view, partials);
}

run([render, { users: [{ name: "Ada" }, { name: "<Bob>" }] }], [(text) => writer.render(text, { a: 1 }), "{{a}}"]);
