/** Numbers and tables as the demo prints them. */

/** `33713559` as `33,713,559`. */
export function formatCount(value: number): string {
  return value.toLocaleString("en-US");
}

/** A size in the largest fitting unit, such as `32.2 MiB`. */
export function formatSize(sizeBytes: number): string {
  if (sizeBytes < 2 ** 10) return `${sizeBytes} B`;
  return sizeBytes < 2 ** 20 ? `${(sizeBytes / 2 ** 10).toFixed(1)} KiB` : `${(sizeBytes / 2 ** 20).toFixed(1)} MiB`;
}

/** How many times smaller the output is than the input, such as `6.46`. */
export function formatRatio(inputBytes: number, outputBytes: number): string {
  return outputBytes === 0 ? "-" : (inputBytes / outputBytes).toFixed(2);
}

/** A duration in seconds, such as `21.3 s`. */
export function formatSeconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}

/** A text table: the first column to the left, the others to the right, a rule above the last row. */
export function formatTable(head: readonly string[], rows: readonly string[][], foot: readonly string[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows, foot].map((row) => row[column]?.length ?? 0)));
  const formatRow = (row: readonly string[]): string =>
    widths
      .map((width, column) => (column === 0 ? (row[0] ?? "").padEnd(width) : (row[column] ?? "").padStart(width)))
      .join("  ");
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [formatRow(head), rule, ...rows.map((row) => formatRow(row)), rule, formatRow(foot)].join("\n");
}
