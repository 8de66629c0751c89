/** What only CommonJS modules have. */

const { commonjsCases } = require("./commonjs-cases.cjs");
const { report } = require("./run-cases.js");

void report(commonjsCases);
