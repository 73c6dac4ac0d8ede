/**
 * What requests bring to light, mostly warnings, each told but once: clients may ask again for what is refused as often as they like.
 * Separate from the log, which has no memory. Pure.
 */
import type { Log } from "./log.ts";

/** As many are remembered; whoever has more faults to mend than that finds them at the level of debug. */
const MAX_COUNT = 1000;

type Level = "info" | "warn";

export class ToldOnce {
  readonly #log: Pick<Log, Level>;
  readonly #told = new Set<string>();

  constructor(log: Pick<Log, Level>) {
    this.#log = log;
  }

  /** Warns, unless that text of that source was told before or too many others were. */
  warn(source: string, text: string): void {
    this.#tell("warn", source, text);
  }

  /** The same of what is no fault. */
  info(source: string, text: string): void {
    this.#tell("info", source, text);
  }

  #tell(level: Level, source: string, text: string): void {
    const key = `${source}: ${text}`;
    if (this.#told.size > MAX_COUNT || this.#told.has(key)) return;
    this.#told.add(key);
    if (this.#told.size <= MAX_COUNT) this.#log[level](source, text);
    else {this.#log.warn(
        source,
        `More than ${MAX_COUNT} such faults: further ones are told at the level of debug alone`,
      );}
  }

  /** From now on everything is news. */
  forget(): void {
    this.#told.clear();
  }
}
