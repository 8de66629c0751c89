const WIDTH = 76;

/** Says on stderr what is being done: one line, written over and over, on a terminal; else a line each. */
export function showProgress(text: string): void {
  const { stderr } = process;
  stderr.write(stderr.isTTY ? `\r${text.slice(0, WIDTH).padEnd(WIDTH)}\r` : text === "" ? "" : `${text}\n`);
}
