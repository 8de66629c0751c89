/** What a terminal shows after some output: the part of its control sequences that bars and lines need. */

/** The lines of a screen without an end, of this width, without blanks at their ends. */
export function showOn(columns: number, output: string): string[] {
  const rows: string[][] = [[]];
  let [row, column] = [0, 0];
  const put = (character: string): void => {
    if (column >= columns) [row, column] = [row + 1, 0];
    const line = (rows[row] ??= []);
    while (line.length < column) line.push(" ");
    line[column] = character;
    column += 1;
  };
  // Reason: control characters are what a terminal is told.
  // oxlint-disable-next-line no-control-regex
  for (const [token, parameter = "", command] of output.matchAll(/\u001B\[([?\d;]*)([A-Za-z])|[^]/gu)) {
    const count = Number(parameter || "1");
    if (command === undefined) {
      if (token === "\n") row += 1;
      else if (token === "\r") column = 0;
      else put(token);
      // A terminal that is not raw begins a line with each line feed.
      if (token === "\n") column = 0;
      rows[row] ??= [];
    } else if (command === "A") row = Math.max(0, row - count);
    else if (command === "B") row += count;
    else if (command === "C") column += count;
    else if (command === "D") column = Math.max(0, column - count);
    else if (command === "G") column = count - 1;
    else if (command === "J") {
      rows.length = row + 1;
      rows[row]?.splice(column);
    } else if (command === "K") rows[row]?.splice(parameter === "2" ? 0 : column);
    else throw new Error(`The screen does not know ${JSON.stringify(token)}.`);
  }
  return rows.map((line) => line.join("").trimEnd());
}
