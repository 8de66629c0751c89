/** What only CommonJS modules have. */

const path = require("node:path");
const { createHash } = require("node:crypto");
const data = require("./data.json");

const SCALE = 3;

function scale(value) {
  return value * SCALE;
}

exports.named = (value) => scale(value) + exports.offset;
exports.offset = 1;

/** @type {readonly { name: string; fn: (...args: never[]) => unknown; args: readonly unknown[]; expected: unknown }[]} */
exports.commonjsCases = [
  { name: "a required node: module", fn: () => path.posix.basename("/a/b"), args: [], expected: "b" },
  {
    name: "a part of a required module",
    fn: () => createHash("md5").update("abc").digest("hex").slice(0, 4),
    args: [],
    expected: "9001",
  },
  { name: "required JSON", fn: () => data.word, args: [], expected: "json" },
  { name: "require in a function", fn: () => require("node:path").posix.basename("/a/c"), args: [], expected: "c" },
  { name: "require of a file in a function", fn: () => require("./data.json").list, args: [], expected: [1, 2] },
  { name: "__filename and __dirname", fn: () => path.dirname(__filename) === __dirname, args: [], expected: true },
  { name: "a function of a CommonJS module", fn: exports.named, args: [2], expected: 7 },
  { name: "exports in a function", fn: () => exports.named(1), args: [], expected: 4 },
  { name: "a helper of a CommonJS module", fn: () => scale(5), args: [], expected: 15 },
];
