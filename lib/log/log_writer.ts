/**
 * The handler of the log: carries lines to one file in batches and survives a file that cannot be written. Nobody waits for a
 * write: one is under way at most, what comes meanwhile waits in its order, up to a bound, and is lost beyond. Separate
 * from log.ts because messages and access lines may go to two files. No `Deno.` here: how a file is opened is passed in.
 */
import type { AccessRecord } from "./access_record.ts";
import { type EscapedLines, type LogLevel, LogLines, type LogLinesOptions } from "./log_lines.ts";
import { osProblem, quoted } from "../start_error.ts";

/** What lines are written to; Deno.FsFile fits as it is. */
export interface LogSink {
  /**
   * Resolves to how many bytes were taken, which may be never; until then they are not to change. Rejects when none can be.
   * Whoever calls has one such call under way.
   */
  write(bytes: Uint8Array): Promise<number>;
  /** Also during a write, which may go on. */
  close(): void;
}

export interface LogWriterOptions extends LogLinesOptions {
  /** Opens the file for append. What it throws goes to the caller. */
  readonly open: () => LogSink;
  /** The same at each `reopen`, and it may take its time. */
  readonly openAgain: () => Promise<LogSink>;
  /** How many bytes of lines may wait behind the write that is under way; further lines are lost. */
  readonly maxHeldBytes: number;
  /** What the operator calls the file. */
  readonly name: string;
  /** Where it is told that lines are being lost, while the file cannot tell; null: nowhere. */
  readonly complaints: LogSink | null;
  /** Tells of losses as well, for few look for such news among access lines. */
  readonly tell?: (problem: string) => void;
  /** Text of the first line after each opening; null: none, the file holds access lines alone. */
  readonly greeting: string | null;
}

/** Stands among the lines where the file is to be opened anew. */
type Reopening = PromiseWithResolvers<void>;

export class LogWriter {
  readonly #lines: LogLines;
  /** For the news of a loss, which goes before what waits, or elsewhere. */
  readonly #notice: LogLines;
  readonly #openAgain: () => Promise<LogSink>;
  readonly #greeting: string | null;
  readonly #name: string;
  readonly #maxHeldBytes: number;
  readonly #complaints: LogSink | null;
  readonly #tell: ((problem: string) => void) | null;
  #sink: LogSink;
  /** What waits behind the write that is under way, whole lines each. */
  #queue: (Uint8Array | Reopening)[] = [];
  /** Lines of the queue. */
  #heldBytes = 0;
  #underWay: Uint8Array = NOTHING;
  /** Resolves when all of the queue has been dealt with. */
  #carrying: Promise<void> | null = null;
  #lostCount = 0;
  /** With those that were told since. */
  #lostInAll = 0;
  #lostReason = "";
  /** Lines are lost that are newer than those of the queue, so none is taken in until it is empty. */
  #isOverflowing = false;
  /** A write ended within a line. */
  #isMidLine = false;
  /** Null: no complaint is under way. */
  #complaining: Promise<void> | null = null;
  #isClosed = false;

  /** Opens the file; the first `flush` writes the greeting. Throws what `open` throws. */
  constructor(options: LogWriterOptions) {
    this.#lines = new LogLines(options);
    this.#notice = new LogLines({ ...options, bufferBytes: 0 });
    this.#openAgain = options.openAgain;
    this.#greeting = options.greeting;
    this.#name = options.name;
    this.#maxHeldBytes = options.maxHeldBytes;
    this.#complaints = options.complaints;
    this.#tell = options.tell ?? null;
    this.#sink = options.open();
    this.#hold(this.#greetingLine());
  }

  /** Something waits for `flush`: lines, or the news that some were lost. */
  get isWaiting(): boolean {
    return !this.#lines.isEmpty || this.#heldBytes > 0 || this.#carrying !== null || this.#lostCount > 0;
  }

  /** Lines that could not be written since the start. */
  get lostLineCount(): number {
    return this.#lostInAll;
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

  /** Writes lines that another thread has made, after what waits; they are lost as those are. They stay as they are. */
  append(lines: EscapedLines): void {
    this.#holdLines();
    this.#hold(lines);
    this.flush();
  }

  /**
   * Has what waits written. Never throws: the server goes on when its disk is full. Lines that cannot be written are lost and
   * counted, and the count is the first line when writing works again; until then one line stands among the complaints.
   * Resolves when nothing waits any more, and never while a write hangs.
   */
  flush(): Promise<void> {
    this.#holdLines();
    if (this.#carrying === null && !this.#isClosed && (this.#queue.length > 0 || this.#lostCount > 0)) {
      // Waits once at least before it ends, and then is no longer what is under way.
      this.#carrying = this.#carry();
    }
    return this.#carrying ?? DONE;
  }

  /**
   * Has what waits written and the file opened anew, for after a rename; what is added from now on comes into the new one.
   * Rejects with what `openAgain` throws; the old file then stays. All calls before it is done are one.
   */
  reopen(): Promise<void> {
    this.#holdLines();
    const last = this.#queue.find(isReopening) ?? Promise.withResolvers<void>();
    if (!this.#queue.includes(last)) this.#queue.push(last);
    this.flush();
    return last.promise;
  }

  /**
   * Has what waits written, which may take until `late` resolves, and lets go of the file; what is added later is lost.
   * What could not be written is told among the complaints, which resolves this, or `tooLate` does. Idempotent.
   */
  async close({ late, tooLate }: { readonly late: Promise<void>; readonly tooLate: Promise<void> }): Promise<void> {
    await Promise.race([this.flush(), late]);
    if (this.#isClosed) return;
    this.#holdLines();
    this.#isClosed = true;
    this.#sink.close();
    const unwritten = [this.#underWay, ...this.#queue].map((part) => isReopening(part) ? 0 : countLines(part));
    const count = this.#lostCount + unwritten.reduce((sum, lines) => sum + lines, 0);
    this.#queue = [];
    if (count === 0) return;
    const reason = this.#carrying === null ? this.#lostReason : "a write did not end";
    await Promise.race([this.#complaining, tooLate]);
    await Promise.race([this.#complain(`${reason}: ${count} lines lost at the end`), tooLate]);
  }

  /** Lets go of the file, and what waits is lost: for one that is not used after all. */
  discard(): void {
    this.#isClosed = true;
    this.#sink.close();
  }

  #greetingLine(): Uint8Array {
    return this.#greeting === null ? NOTHING : this.#oneLine("info", this.#greeting);
  }

  #oneLine(level: LogLevel, text: string): Uint8Array {
    this.#notice.clear();
    this.#notice.addMessage(level, { source: "log", text });
    return this.#notice.bytes.slice();
  }

  #holdLines(): void {
    if (this.#lines.isEmpty) return;
    // A copy, for a write may take its time: 5 us for each 64 KiB.
    this.#hold(this.#lines.bytes.slice());
    this.#lines.clear();
  }

  /** Lets the lines wait where there is room. */
  #hold(lines: Uint8Array): void {
    if (lines.length === 0 || this.#isClosed) return;
    const hasRoom = this.#heldBytes === 0 || this.#heldBytes + lines.length <= this.#maxHeldBytes;
    if (hasRoom && !this.#isOverflowing) {
      this.#queue.push(lines);
      this.#heldBytes += lines.length;
      return;
    }
    this.#isOverflowing = true;
    this.#lose(lines, `more than ${this.#maxHeldBytes} bytes wait to be written`);
  }

  /** Deals with what waits, until nothing does or the news of a loss cannot be written. */
  async #carry(): Promise<void> {
    let works = true;
    while (!this.#isClosed && (this.#queue.length > 0 || (works && this.#lostCount > 0))) {
      if (this.#lostCount > 0 && !this.#isOverflowing) works = await this.#reportLoss();
      const lines = this.#takeLines();
      if (lines.length > 0) works = await this.#carryLines(lines);
      else if (this.#queue.length > 0) works = await this.#openAnew(this.#queue.shift());
      if (this.#queue.length === 0) this.#isOverflowing = false;
    }
    this.#carrying = null;
  }

  /** All lines up to the next opening. */
  #takeLines(): Uint8Array {
    const end = this.#queue.findIndex(isReopening);
    const parts = this.#queue.splice(0, end < 0 ? this.#queue.length : end).filter(isLines);
    const lines = parts.length === 1 ? parts[0] : join(parts);
    this.#heldBytes -= lines.length;
    return lines;
  }

  /** Whether all of them were written. */
  async #carryLines(lines: Uint8Array): Promise<boolean> {
    this.#underWay = lines;
    const written = await this.#write(lines);
    this.#underWay = NOTHING;
    if (this.#isClosed || written === lines.length) return true;
    this.#lose(lines.subarray(written), this.#lostReason);
    return false;
  }

  /** Whether there is a new file. */
  async #openAnew(reopening: Uint8Array | Reopening | undefined): Promise<boolean> {
    if (reopening === undefined || !isReopening(reopening)) return false;
    try {
      const sink = await this.#openAgain();
      const old = this.#isClosed ? sink : this.#sink;
      old.close();
      if (this.#isClosed) return false;
      this.#sink = sink;
      this.#isMidLine = false;
      const greeting = this.#greetingLine();
      if (greeting.length > 0) this.#queue.unshift(greeting);
      this.#heldBytes += greeting.length;
      reopening.resolve();
      return true;
    } catch (error) {
      reopening.reject(error);
      return false;
    }
  }

  /** Counts what was not written; the first loss is told at once. */
  #lose(lines: Uint8Array, reason: string): void {
    const count = countLines(lines);
    this.#lostReason = reason;
    if (this.#lostCount === 0 && count > 0) this.#complain(`${reason}: its lines are lost until that ends`);
    this.#lostCount += count;
    this.#lostInAll += count;
  }

  /** Resolves when it is told, or cannot be. While one hangs there is no other. */
  #complain(text: string): Promise<void> {
    const problem = `Cannot write ${quoted(this.#name)}, ${text}`;
    this.#tell?.(problem);
    if (this.#complaints === null || this.#complaining !== null) return DONE;
    const line = this.#oneLine("error", problem);
    // Where it is rejected, there is nobody left to tell.
    const told = this.#complaints.write(line).then(() => {}, () => {});
    this.#complaining = told.then(() => this.#complaining = null).then(() => {});
    return this.#complaining;
  }

  /** Whether the news was written. */
  async #reportLoss(): Promise<boolean> {
    const count = this.#lostCount;
    const news = `${count} lines lost: ${this.#lostReason}`;
    const bytes = this.#oneLine("error", news);
    const isTold = await this.#write(bytes) === bytes.length;
    if (isTold) this.#tell?.(`${quoted(this.#name)}: ${news}`);
    // More may have been lost meanwhile.
    if (isTold) this.#lostCount -= count;
    return isTold;
  }

  /** How many bytes were taken: fewer than all when the file cannot be written, and then `#lostReason` says why. */
  async #write(bytes: Uint8Array): Promise<number> {
    let written = 0;
    try {
      if (this.#isMidLine && bytes.length > 0 && await this.#sink.write(LINE_END) > 0) this.#isMidLine = false;
      while (written < bytes.length) {
        const taken = await this.#sink.write(bytes.subarray(written));
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

const DONE = Promise.resolve();
const NOTHING = new Uint8Array(0);
const LF = 0x0a;
const LINE_END = Uint8Array.of(LF);

function isReopening(part: Uint8Array | Reopening): part is Reopening {
  return !(part instanceof Uint8Array);
}

function isLines(part: Uint8Array | Reopening): part is Uint8Array {
  return !isReopening(part);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let length = 0;
  for (const part of parts) {
    all.set(part, length);
    length += part.length;
  }
  return all;
}

function countLines(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if (byte === LF) count++;
  return count;
}
