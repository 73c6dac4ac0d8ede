/**
 * The log of the server. It takes the place of @std/log and keeps its split: levels are decided here, log_lines.ts is
 * the formatter and log_writer.ts the handler. No method blocks, whatever becomes of the writes. I/O: opens the files and owns
 * the one timer that writes what waits.
 */
import type { Limits } from "../limits.ts";
import { describeError } from "./describe_error.ts";
import { COMBINED, type LogFormat } from "./access_format.ts";
import type { AccessRecord } from "./access_record.ts";
import { type EscapedLines, LOG_LEVELS, type LogLevel } from "./log_lines.ts";
import { isSameLog, openLogFile, openLogFileAgain, STDERR_SINK } from "./log_file.ts";
import { standardStream } from "./standard_stream.ts";
import { type LogSink, LogWriter } from "./log_writer.ts";
import { type Given, StartError } from "../start_error.ts";

/** What is logged, and where. */
export interface LogConfig {
  /** Null: standard error. */
  readonly logFile: Given | null;
  readonly isAccessLogged: boolean;
  /** Null: access lines go where messages go. */
  readonly accessLogFile: Given | null;
  /** Logs of access lines that are named with them. */
  readonly ownAccessLogs?: readonly Given[];
  readonly logLevel: LogLevel;
  /** Combined Log Format where it is left out. */
  readonly logFormat?: LogFormat;
  readonly limits: Pick<Limits, "logFlushMs" | "logBufferBytes" | "maxLogHeldBytes" | "maxLogTextBytes">;
}

/** Messages go to `--log`; access lines to the same file, to that of `--access-log`, or to the one of an absolute path. */
export type LogPart = "messages" | "accesses" | `/${string}`;

export interface LogContext {
  /** Program and version for the first line: `lisod 1.0.0`. Null: there is none. */
  readonly program: string | null;
  /** In place of the files that the configuration names: where another thread writes them. */
  readonly openSink?: (part: LogPart) => LogSink;
  /** Where it is told that a file cannot be written; null: nowhere. */
  readonly complaints?: LogSink | null;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** How long the last lines may take where nobody says it; and, after that, the news of those that could not be written. */
export const LAST_WRITE_MS = 500;
const LAST_NEWS_MS = 200;

/** Where the parts of the server say what happened. No method throws: the server goes on when its log cannot. */
export class Log {
  /** False: `access` does nothing, and whoever calls it may save itself the work. */
  readonly isAccessOn: boolean;
  /** False: an AccessRecord needs no details. */
  readonly asksDetails: boolean;
  readonly #leastSevere: number;
  readonly #flushMs: number;
  readonly #messages: LogWriter;
  /** The same writer as `#messages` unless access lines have a file of their own. */
  readonly #accesses: LogWriter;
  /** By path; the same writer where it is the same file. */
  readonly #own: ReadonlyMap<string, LogWriter>;
  readonly #hasServerAccesses: boolean;
  #timer: number | null = null;

  private constructor(
    config: LogConfig,
    { messages, accesses, own }: {
      readonly messages: LogWriter;
      readonly accesses: LogWriter;
      readonly own: ReadonlyMap<string, LogWriter>;
    },
  ) {
    this.isAccessOn = config.isAccessLogged || own.size > 0;
    this.asksDetails = (config.logFormat ?? COMBINED).access !== null;
    this.#hasServerAccesses = config.isAccessLogged;
    this.#own = own;
    this.#leastSevere = LOG_LEVELS.indexOf(config.logLevel);
    this.#flushMs = config.limits.logFlushMs;
    this.#messages = messages;
    this.#accesses = accesses;
  }

  /** Opens the files and writes the first line. Throws StartError where one cannot be opened. Whoever calls closes it. */
  static open(config: LogConfig, { program, openSink, complaints = null, now = Date.now }: LogContext): Log {
    const { logFile, accessLogFile, ownAccessLogs = [], logFormat: format, limits } = config;
    const { logBufferBytes: bufferBytes, maxLogHeldBytes: maxHeldBytes, maxLogTextBytes: maxTextBytes } = limits;
    const shared = { bufferBytes, maxHeldBytes, maxTextBytes, now, format };
    const named = new Map(ownAccessLogs.map((file) => [file.value, file]));
    const fileOf = (part: LogPart) => {
      if (part === "messages") return logFile;
      return part === "accesses" ? accessLogFile : named.get(part) ?? null;
    };
    const greeting = program === null ? null : `${program} opened this log, process ${Deno.pid}`;
    const optionsFor = (part: LogPart) => {
      const file = fileOf(part);
      // Standard error has no other place to complain to, and where messages go there they tell of the other files.
      const isTold = isStderr(file) || (part !== "messages" && isStderr(logFile));
      const whenLost = { name: file?.value ?? "standard error", complaints: isTold ? null : complaints };
      const open = () => openSink?.(part) ?? (file === null ? STDERR_SINK : openLogFile(file));
      const openAgain = () => openSink !== undefined || file === null ? Promise.try(open) : openLogFileAgain(file);
      return { ...shared, ...whenLost, open, openAgain };
    };
    const messages = new LogWriter({ ...optionsFor("messages"), greeting });
    const tell = (text: string) => {
      messages.addMessage("error", { source: "log", text });
      messages.flush();
    };
    const open: LogWriter[] = [messages];
    const openPart = (part: LogPart) => {
      try {
        const writer = new LogWriter({ ...optionsFor(part), greeting: null, tell });
        open.push(writer);
        return writer;
      } catch (error) {
        for (const writer of open) writer.discard();
        throw error;
      }
    };
    // Another thread's lines go where this one says.
    const isSame = (one: Given | null, other: Given | null) => openSink === undefined && isSameLog(one, other);
    const isOne = accessLogFile === null || isSame(logFile, accessLogFile);
    const accesses = isOne ? messages : openPart("accesses");
    const own = new Map<string, LogWriter>();
    for (const file of ownAccessLogs) {
      const known = isSame(logFile, file) ? messages : isSame(accessLogFile, file) ? accesses : null;
      own.set(file.value, known ?? openPart(file.value as LogPart));
    }
    const log = new Log(config, { messages, accesses, own });
    log.flush();
    return log;
  }

  /** Adds an access line, to the log of that path where one is given; null: to none. */
  access(record: AccessRecord, path?: string | null): void {
    const writer = path === undefined ? this.#hasServerAccesses ? this.#accesses : null : this.#ownOf(path);
    if (writer === null) return;
    writer.addAccess(record);
    if (this.#timer === null) this.#startTimer();
  }

  /** `source` is the part that speaks, one word. `error` adds a line for itself and each of its causes. */
  debug(source: string, text: string, error?: unknown): void {
    this.#message("debug", { source, text, error });
  }

  info(source: string, text: string, error?: unknown): void {
    this.#message("info", { source, text, error });
  }

  warn(source: string, text: string, error?: unknown): void {
    this.#message("warn", { source, text, error });
  }

  /** Is written at once, and an `error` that is no HttpError comes with its stack. */
  error(source: string, text: string, error?: unknown): void {
    this.#message("error", { source, text, error });
  }

  /** Whether messages of that level are logged. */
  isOn(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= this.#leastSevere;
  }

  /** Writes whole lines that the log of another thread has made; they stay as they are. */
  append(part: LogPart, lines: EscapedLines): void {
    if (part === "messages") this.#messages.append(lines);
    else if (part === "accesses") this.#accesses.append(lines);
    else this.#ownOf(part)?.append(lines);
  }

  /** Lines that could not be written since the start. */
  get lostLineCount(): number {
    return this.#writers().reduce((sum, { lostLineCount }) => sum + lostLineCount, 0);
  }

  #ownOf(path: string | null): LogWriter | null {
    return path === null ? null : this.#own.get(path) ?? this.#accesses;
  }

  /** Has what waits written. Resolves when it is or cannot be, at the latest after that time: a write may hang. */
  async flush(withinMs = LAST_WRITE_MS): Promise<void> {
    await within(withinMs, Promise.all(this.#writers().map((writer) => writer.flush())));
  }

  /**
   * Opens the files anew after a rename: what is logged from now on comes into the new ones. A file that cannot be opened is
   * told in the log, and the old one goes on. Resolves when that is done, and never while a write hangs.
   */
  async reopen(): Promise<void> {
    await Promise.all(
      this.#writers().map(async (writer) => {
        try {
          await writer.reopen();
        } catch (error) {
          if (!(error instanceof StartError)) throw error;
          this.error("log", `The file that is open stays: ${error.message}`);
        }
      }),
    );
  }

  /**
   * Has what waits written, within that time, and closes the files; what is logged later is lost. Where a write hangs, it is
   * told among the complaints how many lines are lost. Idempotent.
   */
  async close(withinMs = LAST_WRITE_MS): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const [late, tooLate] = [startTimer(withinMs), startTimer(withinMs + LAST_NEWS_MS)];
    const others = this.#writers().filter((writer) => writer !== this.#messages);
    this.#messages.flush();
    await Promise.all(others.map((writer) => writer.close({ late: late.ended, tooLate: tooLate.ended })));
    // Last, for what the others lose is told there, and has some time of its own.
    await this.#messages.close({ late: others.length === 0 ? late.ended : tooLate.ended, tooLate: tooLate.ended });
    clearTimeout(late.id);
    clearTimeout(tooLate.id);
  }

  #message(
    level: LogLevel,
    { source, text, error }: { readonly source: string; readonly text: string; readonly error: unknown },
  ): void {
    if (!this.isOn(level)) return;
    const details = error === undefined ? [] : describeError(error, { withStack: level === "error" });
    this.#messages.addMessage(level, { source, text, details });
    if (level === "error") this.#messages.flush();
    if (this.#timer === null) this.#startTimer();
  }

  #startTimer(): void {
    this.#timer = setTimeout(() => {
      this.#timer = null;
      for (const writer of this.#writers()) writer.flush();
      // A loss is told as soon as writing works again, also when nobody logs.
      if (this.#writers().some((writer) => writer.isWaiting)) this.#startTimer();
    }, this.#flushMs);
    Deno.unrefTimer(this.#timer);
  }

  #writers(): readonly LogWriter[] {
    return [...new Set([this.#messages, this.#accesses, ...this.#own.values()])];
  }
}

function isStderr(file: Given | null): boolean {
  return file === null || standardStream(file.value) === "stderr";
}

function startTimer(ms: number): { readonly id: number; readonly ended: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { id: setTimeout(resolve, ms), ended: promise };
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const { id, ended } = startTimer(ms);
  await Promise.race([work, ended]);
  clearTimeout(id);
}
