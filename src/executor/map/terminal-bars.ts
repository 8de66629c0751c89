/**
 * Bars on the terminal of stderr, one for each map under way. cli-progress draws them; it is an optional peer, loaded
 * with the first bar. What else is written to the terminal meanwhile goes above them.
 *
 * The cursor stays visible, and no mode of the terminal is changed: a program that dies leaves nothing to mend.
 */

import process from "node:process";
import { StringDecoder } from "node:string_decoder";
import { createRequire } from "node:module";

import { nextTick } from "../../system/timers.js";

/** The part of cli-progress that is used. */
interface SingleBar {
  update(value: number, payload: { readonly text: string }): void;
}

interface MultiBar {
  /** Its timer would keep the program running. */
  readonly timer: NodeJS.Timeout | null;
  create(total: number, value: number, payload: { readonly text: string }): SingleBar;
  log(lines: string): void;
  update(): void;
  stop(): void;
  on(event: "redraw-pre" | "update-post", listener: () => void): unknown;
}

interface CliProgress {
  readonly MultiBar: new (options: object) => MultiBar;
}

type Write = NodeJS.WriteStream["write"];

let hasWarned = false;

function loadLibrary(): CliProgress | undefined {
  try {
    return createRequire(import.meta.url)("cli-progress") as CliProgress;
  } catch {
    if (hasWarned) return undefined;
    hasWarned = true;
    process.emitWarning("Bars need the package cli-progress: npm install cli-progress. Lines are written instead.", {
      type: "AsyncCpuWarning",
      code: "ASYNCCPU_NO_BARS",
    });
    return undefined;
  }
}

/** Takes what is written to a stream, in whole lines, until it is given back. */
class TakenStream {
  readonly #stream: NodeJS.WriteStream;
  readonly #own: PropertyDescriptor | undefined;
  readonly #decoder = new StringDecoder("utf8");
  readonly #show: (lines: string) => void;
  #partialLine = "";
  /** As it was. */
  readonly write: Write;

  constructor(stream: NodeJS.WriteStream, show: (lines: string) => void) {
    this.#stream = stream;
    this.#show = show;
    this.#own = Object.getOwnPropertyDescriptor(stream, "write");
    this.write = stream.write.bind(stream);
    Object.defineProperty(stream, "write", {
      value: (chunk: string | Uint8Array, encoding?: unknown, callback?: unknown) => {
        this.#take(chunk, encoding);
        const done = [callback, encoding].find((each) => typeof each === "function");
        if (done !== undefined) nextTick(done as () => void);
        return true;
      },
      configurable: true,
      writable: true,
    });
  }

  #take(chunk: string | Uint8Array, encoding: unknown): void {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk, asEncoding(encoding)) : Buffer.from(chunk);
    const text = this.#partialLine + this.#decoder.write(bytes);
    const end = text.lastIndexOf("\n") + 1;
    this.#partialLine = text.slice(end);
    if (end > 0) this.#show(text.slice(0, end));
  }

  giveBack(): void {
    if (this.#own === undefined) Reflect.deleteProperty(this.#stream, "write");
    else Object.defineProperty(this.#stream, "write", this.#own);
    if (this.#partialLine !== "") this.write(this.#partialLine);
  }
}

function asEncoding(encoding: unknown): BufferEncoding {
  return typeof encoding === "string" && Buffer.isEncoding(encoding) ? encoding : "utf8";
}

/** The bars that are on the terminal now. */
class Screen {
  readonly #multi: MultiBar;
  readonly #taken: readonly TakenStream[];
  #openCount = 0;
  readonly #onExit = (): void => this.close();

  constructor(library: CliProgress) {
    const show = (lines: string): void => {
      this.#multi.log(lines);
      this.#multi.update();
    };
    const taken = new TakenStream(process.stderr, show);
    this.#taken = process.stdout.isTTY ? [taken, new TakenStream(process.stdout, show)] : [taken];
    const stream = Object.create(process.stderr, { write: { value: taken.write } }) as NodeJS.WriteStream;
    this.#multi = new library.MultiBar({
      stream,
      format: (_options: unknown, _params: unknown, { text }: { readonly text: string }) => text,
      // Long lines are cut, rather than a mode of the terminal changed.
      linewrap: true,
      hideCursor: false,
      // Its handlers of signals would keep these from ending the program.
      gracefulExit: false,
      forceRedraw: true,
    });
    // A line above may be shorter than the bar that was there.
    this.#multi.on("redraw-pre", () => void stream.write("\u001B[J"));
    this.#multi.on("update-post", () => this.#unref());
    process.once("exit", this.#onExit);
  }

  #unref(): void {
    this.#multi.timer?.unref();
  }

  open(text: string): SingleBar {
    this.#openCount += 1;
    const bar = this.#multi.create(1, 0, { text });
    this.#unref();
    return bar;
  }

  /** A bar is complete. It stays as it is until the others are. */
  end(): void {
    this.#openCount -= 1;
    if (this.#openCount === 0) this.close();
  }

  close(): void {
    screen = undefined;
    process.removeListener("exit", this.#onExit);
    this.#multi.stop();
    for (const taken of this.#taken) taken.giveBack();
  }
}

let screen: Screen | undefined;

/** One bar. */
export interface TerminalBar {
  show(text: string): void;
  /** Shows what it came to, and leaves it there. */
  end(text: string): void;
}

/** Opens a bar; `undefined` where stderr is no terminal, `CI` is set, or cli-progress is not installed. */
export function openBar(text: string): TerminalBar | undefined {
  const { CI } = process.env;
  if (!process.stderr.isTTY || (CI !== undefined && CI !== "" && CI !== "false")) return undefined;
  if (screen === undefined) {
    const library = loadLibrary();
    if (library === undefined) return undefined;
    screen = new Screen(library);
  }
  const own = screen;
  const bar = own.open(text);
  return {
    show: (next) => bar.update(0, { text: next }),
    end: (last) => {
      bar.update(0, { text: last });
      own.end();
    },
  };
}
