/**
 * The handler of the log: carries lines to one file in batches and survives a file that cannot be written. Separate
 * from log.ts because messages and access lines may go to two files. No `Deno.` here: how a file is opened is passed in.
 */
import { type AccessRecord, type EscapedLines, type LogLevel, LogLines, type LogLinesOptions } from "./log_lines.ts";
import { osProblem, quoted } from "../start_error.ts";

/** What lines are written to; Deno.FsFile fits as it is. */
export interface LogSink {
  /** How many bytes were taken; throws when none can be. */
  writeSync(bytes: Uint8Array): number;
  close(): void;
}

export interface LogWriterOptions extends LogLinesOptions {
  /** Opens the file for append, at the start and at each `reopen`. What it throws goes to the caller. */
  readonly open: () => LogSink;
  /** What the operator calls the file. */
  readonly name: string;
  /** Where it is told that lines are being lost, while the file cannot tell; null: nowhere. */
  readonly complaints: LogSink | null;
  /** Text of the first line after each opening; null: none, the file holds access lines alone. */
  readonly greeting: string | null;
}

export class LogWriter {
  readonly #lines: LogLines;
  /** For the news of a loss, which goes before what waits, or elsewhere. */
  readonly #notice: LogLines;
  readonly #open: () => LogSink;
  readonly #greeting: string | null;
  readonly #name: string;
  #complaints: LogSink | null;
  #sink: LogSink;
  #lostCount = 0;
  #lostReason = "";
  /** A write ended within a line. */
  #isMidLine = false;

  /** Opens the file and writes the greeting. Throws what `open` throws. */
  constructor(options: LogWriterOptions) {
    this.#lines = new LogLines(options);
    this.#notice = new LogLines({ ...options, bufferBytes: 0 });
    this.#open = options.open;
    this.#greeting = options.greeting;
    this.#name = options.name;
    this.#complaints = options.complaints;
    this.#sink = this.#open();
    this.#greet();
  }

  /** Something waits for `flush`: lines, or the news that some were lost. */
  get isWaiting(): boolean {
    return !this.#lines.isEmpty || this.#lostCount > 0;
  }

  addAccess(record: AccessRecord): void {
    this.#lines.addAccess(record);
    if (this.#lines.isFull) this.flush();
  }

  /** `details` are further lines of the message. */
  addMessage(
    level: LogLevel,
    message: { readonly source: string; readonly text: string; readonly details?: readonly string[] },
  ): void {
    this.#lines.addMessage(level, message);
    if (this.#lines.isFull) this.flush();
    for (const detail of message.details ?? []) {
      this.#lines.addDetail(detail);
      if (this.#lines.isFull) this.flush();
    }
  }

  /** Writes lines that another thread has made, after what waits; they are lost as those are. */
  append(lines: EscapedLines): void {
    this.flush();
    this.#lose(lines.subarray(this.#write(lines)));
  }

  /**
   * Writes what waits. Never throws: the server goes on when its disk is full. Lines that cannot be written are lost and
   * counted, and the count is the first line when writing works again; until then one line stands among the complaints.
   */
  flush(): void {
    if (this.#lostCount > 0) this.#reportLoss();
    const bytes = this.#lines.bytes;
    this.#lose(bytes.subarray(this.#write(bytes)));
    this.#lines.clear();
  }

  /** Writes what waits and opens the file anew, for after a rename. Throws what `open` throws; the old file then stays. */
  reopen(): void {
    this.flush();
    const sink = this.#open();
    this.#sink.close();
    this.#sink = sink;
    this.#isMidLine = false;
    this.#greet();
  }

  /** Writes what waits and lets go of the file; what is added later is lost. Idempotent. */
  close(): void {
    this.flush();
    this.#sink.close();
    this.#sink = CLOSED_SINK;
    this.#complaints = null;
  }

  #greet(): void {
    if (this.#greeting === null) return;
    this.addMessage("info", { source: "log", text: this.#greeting });
    this.flush();
  }

  /** Counts what was not written; the first loss is told at once. */
  #lose(bytes: Uint8Array): void {
    const count = countLines(bytes);
    if (this.#lostCount === 0 && count > 0) this.#complain();
    this.#lostCount += count;
  }

  #complain(): void {
    if (this.#complaints === null) return;
    const text = `Cannot write ${quoted(this.#name)}, ${this.#lostReason}: its lines are lost until that ends`;
    this.#notice.addMessage("error", { source: "log", text });
    try {
      this.#complaints.writeSync(this.#notice.bytes);
    } catch {
      // There is nobody left to tell.
    }
    this.#notice.clear();
  }

  #reportLoss(): void {
    const text = `${this.#lostCount} lines lost: ${this.#lostReason}`;
    this.#notice.addMessage("error", { source: "log", text });
    const { bytes } = this.#notice;
    if (this.#write(bytes) === bytes.length) this.#lostCount = 0;
    this.#notice.clear();
  }

  /** How many bytes were taken: fewer than all when the file cannot be written, and then `#lostReason` says why. */
  #write(bytes: Uint8Array): number {
    let written = 0;
    try {
      if (this.#isMidLine && bytes.length > 0 && this.#sink.writeSync(LINE_END) > 0) this.#isMidLine = false;
      while (written < bytes.length) {
        const taken = this.#sink.writeSync(bytes.subarray(written));
        if (taken === 0) throw new Error("nothing was taken");
        written += taken;
      }
    } catch (error) {
      // Whatever it is, a server that cannot log still serves; the caller counts the loss.
      this.#lostReason = osProblem(error);
    }
    if (written > 0) this.#isMidLine = bytes[written - 1] !== LF;
    return written;
  }
}

const LF = 0x0a;
const LINE_END = Uint8Array.of(LF);

const CLOSED_SINK: LogSink = {
  writeSync: () => {
    throw new Error("the log is closed");
  },
  close: () => {},
};

function countLines(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if (byte === LF) count++;
  return count;
}
