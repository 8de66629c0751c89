// Draws what a terminal shows: docs/errors.svg, an error from a task, and docs/bars.svg, two maps under way. The texts
// are those of real runs of examples/failing-task.ts and examples/bars.ts; only the path of this checkout is left out.
//
//   npm run build.tests && node scripts/draw-terminal.mjs

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { stripVTControlCharacters } from "node:util";

const ROOT = path.join(import.meta.dirname, "..");
// Reason: it is compiled, and need not be there for those who only lint.
const { showOn } = await import(path.join(ROOT, "build/tests/testlibraries/terminal-screen.js"));

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

function draw(lines, label) {
  const plainLengths = lines.map((line) => stripVTControlCharacters(line).length);
  const width = Math.ceil(Math.max(...plainLengths) * CHARACTER_WIDTH + 2 * MARGIN);
  const height = lines.length * LINE_HEIGHT + 2 * MARGIN;
  const texts = lines.map((line, index) => {
    return `<text x="${MARGIN}" y="${MARGIN + 13 + index * LINE_HEIGHT}" xml:space="preserve">${drawLine(line)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">
<style>${STYLE}</style>
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6"/>
${texts.join("\n")}
</svg>
`;
}

const prompt = (command) => `${ESCAPE}[90m$ ${command}${ESCAPE}[39m`;

function write(name, lines, label) {
  writeFileSync(path.join(ROOT, "docs", name), draw(lines, label));
  console.log(`docs/${name} is drawn`);
}

function drawErrors() {
  const command = ["--enable-source-maps", "build/examples/failing-task.js"];
  const output = execFileSync(process.execPath, command, {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, FORCE_COLOR: "1", NO_COLOR: undefined, NODE_DISABLE_COLORS: undefined },
  });
  const shown = output.trimEnd().replaceAll(`${ROOT}${path.sep}`, "").split("\n");
  write("errors.svg", [prompt(`node ${command.join(" ")}`), ...shown], "An error of a task, as a terminal shows it");
}

/** The first moment at which the first bar is more than half full. */
function drawBars() {
  const program = "build/examples/bars.js";
  const output = execFileSync("script", ["-qec", `${process.execPath} ${program}`, "/dev/null"], {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, CI: undefined },
  });
  const half = /\[#{13,}[^\n]*\n[^\n]*\[#*-*\][^\n\r]*left/.exec(output);
  const lines = showOn(100, output.slice(0, half.index + half[0].length));
  write(
    "bars.svg",
    [prompt(`node ${program}`), ...lines],
    "Two maps with a bar each, and above them what workers print",
  );
}

drawErrors();
drawBars();
