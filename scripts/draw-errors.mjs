// Draws docs/errors.svg: what a terminal shows of an error from a task. The text is that of a real run of
// examples/failing-task.ts; of it, only the path of this checkout is left out.
//
//   npm run build.tests && node scripts/draw-errors.mjs

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { stripVTControlCharacters } from "node:util";

const ROOT = path.join(import.meta.dirname, "..");
const COMMAND = ["--enable-source-maps", "build/examples/failing-task.js"];

const CHARACTER_WIDTH = 7.25;
const LINE_HEIGHT = 18;
const MARGIN = 16;

/** Middle tones, which can be read on white and on black; where dark is asked for, they are lighter. */
const STYLE = `text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#3b434b;white-space:pre}
rect{fill:#f6f8fa;stroke:#d0d7de}
.number{fill:#9a6700}.string{fill:#1a7f37}.faint{fill:#8b949e}.special{fill:#0969da}
@media(prefers-color-scheme:dark){text{fill:#d1d7e0}rect{fill:#151b23;stroke:#3d444d}
.number{fill:#d29922}.string{fill:#3fb950}.faint{fill:#7d8590}.special{fill:#4493f8}}`;

const ESCAPE = String.fromCodePoint(27);
const COLOR = new RegExp(`${ESCAPE}\\[(\\d+)m`);

/** Colours of a terminal that inspect uses; the code that ends one gives no class. */
const CLASSES = { 33: "number", 32: "string", 90: "faint", 36: "special", 4: "special" };

function escapeXml(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** One line of a terminal's output, with its colours, as SVG. */
function drawLine(line) {
  let look;
  return line
    .split(COLOR)
    .map((part, index) => {
      if (index % 2 === 1) {
        look = CLASSES[part];
        return "";
      }
      const text = escapeXml(part);
      return look === undefined || text === "" ? text : `<tspan class="${look}">${text}</tspan>`;
    })
    .join("");
}

function draw(lines) {
  const plainLengths = lines.map((line) => stripVTControlCharacters(line).length);
  const width = Math.ceil(Math.max(...plainLengths) * CHARACTER_WIDTH + 2 * MARGIN);
  const height = lines.length * LINE_HEIGHT + 2 * MARGIN;
  const texts = lines.map((line, index) => {
    return `<text x="${MARGIN}" y="${MARGIN + 13 + index * LINE_HEIGHT}" xml:space="preserve">${drawLine(line)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="An error of a task, as a terminal shows it">
<style>${STYLE}</style>
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6"/>
${texts.join("\n")}
</svg>
`;
}

const output = execFileSync(process.execPath, COMMAND, {
  cwd: ROOT,
  encoding: "utf8",
  env: { ...process.env, FORCE_COLOR: "1", NO_COLOR: undefined, NODE_DISABLE_COLORS: undefined },
});
const shown = output.trimEnd().replaceAll(`${ROOT}${path.sep}`, "").split("\n");
writeFileSync(
  path.join(ROOT, "docs", "errors.svg"),
  draw([`${ESCAPE}[90m$ node ${COMMAND.join(" ")}${ESCAPE}[39m`, ...shown]),
);
console.log("docs/errors.svg is drawn");
