// Draws docs/processes.svg: the program, one of its workers with both threads, and the descriptors between them.
//
//   node scripts/draw-processes.mjs
//
// What it shows is said in words in docs/design.md, "The pipes", and in src/wire/messages/protocol.ts.

import { writeFileSync } from "node:fs";
import path from "node:path";

const WIDTH = 760;
const HEIGHT = 352;

/** Tones that can be read on white; where dark is asked for, others. */
const STYLE = `text{font:12px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:#3b434b}
.h{font-weight:600;font-size:13px}.s{font-size:11px;fill:#66707b}.m{text-anchor:middle}
rect{fill:#f6f8fa;stroke:#afb8c1}.inner{fill:#ffffff}.user{fill:#ddf4ff;stroke:#54aeff}
line{stroke:#66707b;stroke-width:1.5}.dashed{stroke-dasharray:4 3}path{fill:#66707b}
@media(prefers-color-scheme:dark){text{fill:#d1d7e0}.s{fill:#9198a1}
rect{fill:#151b23;stroke:#3d444d}.inner{fill:#212830}.user{fill:#121d2f;stroke:#1f6feb}
line{stroke:#9198a1}path{fill:#9198a1}}`;

const PARENT_RIGHT = 250;
const WORKER_LEFT = 480;

const text = (x, y, content, look = "") => `<text x="${x}" y="${y}" class="${look}">${content}</text>`;

/** A box with a heading and lines below it. */
function box(x, y, width, height, look, heading, ...lines) {
  return [
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="6" class="${look}"/>`,
    text(x + 12, y + 20, heading, "h"),
    ...lines.map((line, index) => text(x + 12, y + 38 + index * 16, line, "s")),
  ].join("\n");
}

function tip(x, y, direction) {
  return `<path d="M${x} ${y}l${-9 * direction} -4.5v9z"/>`;
}

/** A descriptor: its number and name above the line, and what goes through it below. */
function wire(y, { goesRight, goesLeft, look = "" }, name, what) {
  const middle = (PARENT_RIGHT + WORKER_LEFT) / 2;
  return [
    `<line x1="${PARENT_RIGHT + 8}" y1="${y}" x2="${WORKER_LEFT - 8}" y2="${y}" class="${look}"/>`,
    goesRight ? tip(WORKER_LEFT - 2, y, 1) : "",
    goesLeft ? tip(PARENT_RIGHT + 2, y, -1) : "",
    text(middle, y - 5, name, "m"),
    text(middle, y + 15, what, "s m"),
  ].join("\n");
}

const right = { goesRight: true, goesLeft: false };
const left = { goesRight: false, goesLeft: true };

const drawing = [
  box(10, 10, PARENT_RIGHT - 10, 262, "", "Your program (the parent)"),
  box(24, 44, PARENT_RIGHT - 38, 62, "user", "Your code", "futures, streams, log handlers"),
  box(24, 116, PARENT_RIGHT - 38, 62, "inner", "Executor and pool", "queue, workers, what is under way"),
  box(
    24,
    188,
    PARENT_RIGHT - 38,
    70,
    "inner",
    "Reader of each worker",
    "settles a future when all that",
    "its worker wrote has been read",
  ),
  box(WORKER_LEFT, 10, WIDTH - WORKER_LEFT - 10, 262, "", "A worker process (one of several)"),
  box(WORKER_LEFT + 14, 44, 242, 122, "inner", "Main thread", "task loop"),
  box(WORKER_LEFT + 28, 92, 214, 60, "user", "Your function", "one task at a time, may block"),
  box(WORKER_LEFT + 14, 196, 242, 62, "inner", "Watchdog thread", "answers while the main thread is busy"),
  `<line x1="${WORKER_LEFT + 135}" y1="196" x2="${WORKER_LEFT + 135}" y2="174"/>`,
  `<path d="M${WORKER_LEFT + 135} 166l-4.5 9h9z"/>`,
  text(WORKER_LEFT + 145, 186, "abort flag", "s"),
  wire(62, left, "1, 2 · stdout, stderr", "what is printed"),
  wire(104, right, "3 · tasks", "functions, tasks, abort notices"),
  wire(146, left, "4 · results", "starts, results, errors, logs"),
  wire(188, { ...left, look: "dashed" }, "6 · journal (Linux)", "memory: what need not wake you"),
  wire(230, { goesRight: true, goesLeft: true }, "5 · lifeline", "closes when the parent is gone"),
  box(
    WORKER_LEFT,
    290,
    WIDTH - WORKER_LEFT - 10,
    52,
    "user",
    "Processes that your task starts",
    "they are killed with the task",
  ),
  `<line x1="${WORKER_LEFT + 135}" y1="272" x2="${WORKER_LEFT + 135}" y2="282"/>`,
  `<path d="M${WORKER_LEFT + 135} 290l-4.5 -9h9z"/>`,
];

writeFileSync(
  path.join(import.meta.dirname, "..", "docs", "processes.svg"),
  `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="The program, a worker process with its main thread and its watchdog thread, and the descriptors between them">
<style>${STYLE}</style>
${drawing.join("\n")}
</svg>
`,
);
console.log("docs/processes.svg is drawn");
