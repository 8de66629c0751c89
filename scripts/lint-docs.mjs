// Holds docs/api.md to what the package exports: each export is named there, and each member of an exported class or
// interface (so each option, too) stands below a heading that names its owner.
//
// Holds the links of all pages to files and headings that exist, and those of pages that are in the package to files
// that are in it: npm and readers of `node_modules` have nothing else.
//
//   npm run dist && node scripts/lint-docs.mjs [PAGE]
//
// Prints what is wrong and ends with 1 when something is.

import { existsSync } from "node:fs";
import { readdirSync } from "node:fs";
import { readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";

const ROOT = path.join(import.meta.dirname, "..");
const TYPES = path.join(ROOT, "dist", "types");
const PAGE = process.argv[2] ?? path.join(ROOT, "docs", "api.md");
const SHOWN_PAGE = path.relative(process.cwd(), PAGE);

/** How tsc writes a member: four spaces, modifiers, a name, and what begins its type. */
const MEMBER = /^ {4}(?:(?:static|readonly|get|set|override) )*(\w+|\[[\w.]+\])[?]?(?:[(<:])/gm;

/** Names that the page has as code, alone or as the head of a call, a type or a member. */
function namesIn(markdown) {
  const spans = [...markdown.matchAll(/`([^`\n]+)`/g)].map(([, span]) => span);
  return new Set(spans.flatMap((span) => span.match(/\[[\w.]+\]|\w+/g) ?? []));
}

/** The text below each heading, up to the next one of any level, by the names in the heading. */
function sectionsOf(markdown) {
  const sections = new Map();
  for (const part of markdown.split(/^(?=#+ )/m)) {
    const [heading] = part.split("\n", 1);
    for (const name of namesIn(heading)) sections.set(name, namesIn(part));
  }
  return sections;
}

/** The body of a class or interface in its file of declarations; empty for what has none. */
function bodyOf(name, text) {
  return new RegExp(`^export (?:declare (?:abstract )?class|interface) ${name}\\b[^]*?^}`, "m").exec(text)?.[0] ?? "";
}

const page = readFileSync(PAGE, "utf8");
const named = namesIn(page);
const sections = sectionsOf(page);
const breaches = [];
let count = 0;

/** The exports of all entry points; the places of their files count from the same folder. */
const index = ["index", "testing/index", "bullmq/index"]
  .map((file) =>
    readFileSync(path.join(TYPES, `${file}.d.cts`), "utf8").replaceAll('"./', `"./${path.dirname(file)}/`),
  )
  .join("\n");
for (const [, name, file] of index.matchAll(/^export (?:type )?\{ (\w+) \} from "(.+)\.cjs";$/gm)) {
  count += 1;
  if (!named.has(name)) breaches.push(`${SHOWN_PAGE} lacks ${name}`);
  let declarations = readFileSync(path.join(TYPES, `${file}.d.cts`), "utf8");
  // Some are only passed on by the file that the index names.
  const source = new RegExp(`^export (?:type )?\\{ ${name} \\} from "(.+)\\.cjs";$`, "m").exec(declarations)?.[1];
  if (source !== undefined) {
    declarations = readFileSync(path.join(TYPES, path.dirname(file), `${source}.d.cts`), "utf8");
  }
  const members = [...bodyOf(name, declarations).matchAll(MEMBER)].map(([, member]) => member);
  // An error's fields stand in the table of errors.
  const section = name.endsWith("Error") ? named : sections.get(name);
  for (const member of new Set(members)) {
    if (member === "constructor" || member === "[Symbol.toStringTag]") continue;
    count += 1;
    if (section?.has(member) !== true) breaches.push(`${SHOWN_PAGE} lacks ${name}.${member}`);
  }
}

if (count < 100) throw new Error(`Only ${count} names were found in ${TYPES}: its form has changed.`);

/** The anchors of a page, as GitHub and npm make them of its headings. */
function anchorsOf(file) {
  const text = readFileSync(file, "utf8").replaceAll(/^```[^]*?^```$/gm, "");
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-"),
  );
}

const { files: packed } = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8"));

function isPacked(target) {
  return [...packed, "LICENSE", "README.md"].includes(path.relative(ROOT, target).split(path.sep, 1)[0]);
}

function checkLinks(file) {
  const text = readFileSync(file, "utf8").replaceAll(/^```[^]*?^```$|`[^`\n]*`/gm, "");
  for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(link)) continue;
    const [place, anchor] = link.split("#");
    const target = place === "" ? file : path.join(path.dirname(file), place);
    const isThere = existsSync(target) && (!isPacked(file) || isPacked(target));
    const isFound = isThere && (anchor === undefined || anchorsOf(target).includes(anchor));
    if (!isFound) breaches.push(`${path.relative(ROOT, file)}: its link ${link} leads nowhere`);
  }
}

const pages = [ROOT, path.join(ROOT, "docs")].flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".md"))
    .map((name) => path.join(folder, name)),
);
for (const file of pages) checkLinks(file);

if (breaches.length > 0) {
  console.log(breaches.join("\n"));
  process.exitCode = 1;
} else {
  console.log(`${SHOWN_PAGE} has all ${count} names, and the links of ${pages.length} pages lead somewhere`);
}
