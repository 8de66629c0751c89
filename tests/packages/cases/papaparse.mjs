import Papa from "papaparse";

import { run } from "../run.mjs";

const config = { header: true, dynamicTyping: true, skipEmptyLines: true };

function readRows(text) {
  const { data, errors } = Papa.parse(text, config);
  return { data, errors: errors.length };
}

run([readRows, "a,b\n1,x\n2,y\n"], [(rows) => Papa.unparse(rows), [{ a: 1, b: "x,y" }]]);
