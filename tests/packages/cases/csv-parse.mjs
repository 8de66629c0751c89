import { parse } from "csv-parse/sync";
import { stringify } from "csv-stringify/sync";

import { run } from "../run.mjs";

const options = {
  columns: true,
  skip_empty_lines: true,
  cast: (value) => (/^\d+$/.test(value) ? Number(value) : value),
};

function total(text) {
  const rows = parse(text, options);
  return { rows, total: rows.reduce((sum, row) => sum + row.amount, 0) };
}

run([total, "name,amount\nAda,3\nBob,4\n"], [(rows) => stringify(rows), [["a", "b"]]]);
