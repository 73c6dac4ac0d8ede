/**
 * What a long start or check is doing, for somebody who waits at a terminal: one line that is written over, and gone at the
 * end. Separate from those who do it, which only tell. Pure.
 */

/** Nobody wonders before that. */
const SILENT_MS = 500;
/** Between two lines. */
const STEP_MS = 100;

/** Is told what is done now, as often as there is something to tell. */
export type Tell = (doing: string) => void;

export const TELL_NOBODY: Tell = () => {};

export interface ProgressOptions {
  /** Writes to the terminal. */
  write(text: string): void;
  /** Of the terminal: a longer line would stay, for only its last row is written over. */
  readonly columns: number;
  /** Milliseconds since any moment. */
  nowMs(): number;
}

export class Progress {
  readonly #options: ProgressOptions;
  #dueMs: number;
  #isShown = false;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#dueMs = options.nowMs() + SILENT_MS;
  }

  readonly tell: Tell = (doing) => {
    const nowMs = this.#options.nowMs();
    if (nowMs < this.#dueMs) return;
    this.#dueMs = nowMs + STEP_MS;
    this.#isShown = true;
    // Names of files come from whoever may write there.
    const line = `lisod: ${doing}`.replace(/\p{Cc}/gu, "?");
    this.#options.write(`\r\x1b[K${line.slice(0, this.#options.columns - 1)}`);
  };

  /** Nothing of it stays. What is told next shows at once where something did. */
  end(): void {
    if (!this.#isShown) return;
    this.#options.write("\r\x1b[K");
    this.#isShown = false;
    this.#dueMs = this.#options.nowMs();
  }
}
