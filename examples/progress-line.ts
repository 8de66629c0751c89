/** The share of the work between two lines where there is no terminal. */
const STEP_PERCENT = 10;
const REDRAW_MS = 200;
const BAR_WIDTH = 24;
const DEFAULT_WIDTH = 80;

/** Shows progress: one line that is redrawn on a terminal, else a new line for each tenth of the work. */
export class ProgressLine {
  readonly #isTerminal = process.stdout.isTTY;
  readonly #total: number;
  readonly #describe: () => string;
  readonly #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #done = 0;
  #printedPercent = 0;

  /**
   * @param total - How much work there is, in any unit.
   * @param describe - Gives the text beside the bar; called at each redrawing.
   */
  constructor(total: number, describe: () => string) {
    this.#total = total;
    this.#describe = describe;
    if (this.#isTerminal) {
      this.#timer = setInterval(() => this.#redraw(), REDRAW_MS);
      this.#redraw();
    }
  }

  /** Says that so much more of the work is done. */
  advance(amount: number): void {
    this.#done += amount;
    const percent = this.#percent();
    if (this.#isTerminal || percent < this.#printedPercent + STEP_PERCENT) return;
    this.#printedPercent = percent - (percent % STEP_PERCENT);
    console.log(this.#text());
  }

  /** Ends the redrawing and leaves the last state on the screen. Calling it again is harmless. */
  stop(): void {
    clearInterval(this.#timer);
    if (!this.#isTerminal || this.#isStopped) return;
    this.#isStopped = true;
    this.#redraw();
    process.stdout.write("\n");
  }

  #percent(): number {
    return this.#total === 0 ? 100 : Math.floor((100 * this.#done) / this.#total);
  }

  #text(): string {
    return `${String(this.#percent()).padStart(3)}%  ${this.#describe()}`;
  }

  #redraw(): void {
    const filled = Math.round((this.#percent() / 100) * BAR_WIDTH);
    const bar = "#".repeat(filled) + ".".repeat(BAR_WIDTH - filled);
    // A terminal that doesn't tell its width says 0.
    const width = process.stdout.columns || DEFAULT_WIDTH;
    const text = `[${bar}] ${this.#text()}`.slice(0, width - 1);
    // "\u001b[K" clears what a longer text left at the end of the line.
    process.stdout.write(`\r${text}\u001b[K`);
  }
}
