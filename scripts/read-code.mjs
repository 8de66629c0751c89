// Reads imports and code for the check of the house rules (lint-layers.mjs).

/** Whether a line is one of a comment. */
export function isComment(line) {
  return /^\s*(\/\/|\/\*|\*)/.test(line);
}

/** The statements `import ...` at the head of a file and `export ... from ...` anywhere, with their 1-based lines. */
export function readImports(lines) {
  const statements = [];
  let isHead = true;
  for (let index = 0; index < lines.length; index += 1) {
    const first = index;
    const isImport = /^import\b(?!\()/.test(lines[index]) && isHead;
    const isReexport = /^export (type )?(\*|\{)/.test(lines[index]);
    if (!isImport && !isReexport) {
      // Strings of tests hold programs with imports of their own, so only the head of a file is read for them.
      if (lines[index].trim() !== "" && !isComment(lines[index]) && !lines[index].startsWith("#!")) isHead = false;
      continue;
    }
    let text = lines[index];
    while (!text.includes(";") && index + 1 < lines.length) {
      index += 1;
      text += ` ${lines[index]}`;
    }
    const source = /(?:from\s+|^import\s+)(["'])(.+?)\1/.exec(text)?.[2];
    if (source !== undefined) statements.push({ line: first + 1, lastLine: index + 1, isImport, text, source });
  }
  return statements;
}

/** Comments, strings, templates (the programs of tests, mostly) and regular expressions. */
const NO_CODE = new RegExp(
  [
    /\/\/.*/,
    /\/\*[^]*?\*\//,
    /"(?:\\.|[^"\\\n])*"/,
    /'(?:\\.|[^'\\\n])*'/,
    /`(?:\\[^]|[^`\\])*`/,
    /(?<=(?:[=(,:!&|?[]|return)\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\//,
  ]
    .map(({ source }) => source)
    .join("|"),
  "g",
);

/** The lines of a file's code, without what stands in comments, texts and patterns. */
export function readCode(text) {
  const blank = (match) => match.replaceAll(/.+/g, /^\/[/*]/.test(match) ? "" : '""');
  return text.replaceAll(NO_CODE, blank).split("\n");
}
