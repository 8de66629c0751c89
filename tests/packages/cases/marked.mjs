import { Marked } from "marked";
import { marked } from "marked";

import { run } from "../run.mjs";

const parser = new Marked({
  renderer: {
    heading({ tokens, depth }) {
      return `<h${depth} class="title">${this.parser.parseInline(tokens)}</h${depth}>`;
    },
  },
});

function render(text) {
  return parser.parse(text);
}

run([render, "# Title\n\ntext *here*"], [(text) => marked.parse(text), "* a\n* b"]);
