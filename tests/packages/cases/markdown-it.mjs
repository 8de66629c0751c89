import MarkdownIt from "markdown-it";

import { run } from "../run.mjs";

const md = new MarkdownIt({ html: true, linkify: true, typographer: true });

function render(text) {
  return md.render(text);
}

run([render, "# Title\n\n* one\n* two -- (c)\n\nhttps://example.org"], [(text) => md.renderInline(text), "*a* `b`"]);
