import sanitizeHtml from "sanitize-html";

import { run } from "../run.mjs";

const options = { allowedTags: [...sanitizeHtml.defaults.allowedTags, "img"], transformTags: { b: "strong" } };

function clean(html) {
  return sanitizeHtml(html, options);
}

run([clean, "<b onclick='x()'>hi</b><script>1</script><img src='a.png'>"]);
