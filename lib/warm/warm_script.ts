/**
 * One script that is kept warm: its zygotes one after the other, what was learned of its imports, and why it runs plainly
 * where it does. Separate from warm_starter.ts, which has all scripts and decides how many may be warm at once. A zygote
 * that is to be replaced serves until the next one is ready, unless what it has imported has changed.
 */
import type { ScriptLog } from "../child/child_log.ts";
import type { Limits } from "../limits.ts";
import { Learned } from "./learned.ts";
import { Zygote, type ZygoteOwner, type ZygotePlan, type ZygoteServices } from "./zygote.ts";

export interface WarmScriptOptions {
  /** Absolute path. */
  readonly file: string;
  /** All of a zygote but what it imports. */
  readonly plan: Omit<ZygotePlan, "lines">;
  readonly services: ZygoteServices;
  readonly limits: Limits;
  readonly log: ScriptLog;
}

/** Time after a zygote that was lost until the next one, doubled each time that one is lost before it has served. */
const RETRY_MS = 500;
/** The longest of these times after one that could serve: it was ended by somebody. */
const MOST_RETRY_MS = 4000;
/** Time after a zygote until one that imports more, doubled each time. */
const GROW_MS = 100;
const MOST_MS = 60_000;
/** With more modules than this that are left out little is gained. */
const MOST_LEFT = 32;
const SOURCE = "warm";

/** What an operator may want to know of one. */
export interface WarmView {
  readonly file: string;
  /** "cold": it may be warm when it is asked for again; "plain": it never is. */
  readonly state: "warm" | "starting" | "cold" | "plain";
  /** Why it is not warm; null: it is, or nobody has asked for it yet. */
  readonly reason: string | null;
  /** Of its zygote. */
  readonly pid: number | null;
  /** What it is known to import. */
  readonly modules: number;
  readonly warmRequests: number;
  readonly plainRequests: number;
}

export class WarmScript implements ZygoteOwner {
  readonly #options: WarmScriptOptions;
  #learned = new Learned();
  /** What `#zygote` and `#next` were given of it. */
  #givenCount = -1;
  #zygote: Zygote | null = null;
  #next: Zygote | null = null;
  #starting: Promise<void> | null = null;
  /** Those that were replaced, until they have ended. */
  readonly #retired = new Set<Zygote>();
  /** It runs plainly for ever. */
  #isPlain = false;
  /** Why it was last without a zygote. */
  #reason: string | null = null;
  #losses = 0;
  #growths = 0;
  /** From when on a zygote may be started, by performance.now(). */
  #startMs = 0;
  #usedMs = performance.now();
  #warmCount = 0;
  #plainCount = 0;
  #isClosed = false;

  /** Whoever makes it calls `close`. */
  constructor(options: WarmScriptOptions) {
    this.#options = options;
  }

  /** Whether it has, or will have, a zygote. */
  get isWarm(): boolean {
    return this.#zygote !== null || this.#next !== null || this.#starting !== null;
  }

  /** Whether it may have one now. */
  get isWilling(): boolean {
    return !this.#isPlain && !this.#isClosed && performance.now() >= this.#startMs;
  }

  get view(): WarmView {
    const zygote = this.#zygote;
    const isStarting = this.#next !== null || this.#starting !== null;
    return {
      file: this.#options.file,
      state: this.#isPlain ? "plain" : zygote !== null ? "warm" : isStarting ? "starting" : "cold",
      reason: this.#isPlain || (zygote === null && !isStarting) ? this.#reason : null,
      pid: zygote?.pid ?? null,
      modules: this.#learned.count,
      warmRequests: this.#warmCount,
      plainRequests: this.#plainCount,
    };
  }

  /** When it was last asked for, by performance.now(). */
  get usedMs(): number {
    return this.#usedMs;
  }

  /** The zygote for a request, null: it is to be started plainly. Starts zygotes where `mayStart`. */
  use(mayStart: boolean): Zygote | null {
    this.#usedMs = performance.now();
    if (mayStart && this.#needsNext()) this.#start();
    return this.#zygote;
  }

  /** A request was answered by a zygote, or was not. */
  count(kind: "warm" | "plain"): void {
    if (kind === "plain") this.#plainCount++;
    else this.#warmCount++;
    if (kind === "warm") this.#losses = 0;
  }

  /** To be called often: acts on every limit that has passed. */
  sweep(nowMs: number): void {
    const { warmStartMs, warmHangMs, warmIdleMs } = this.#options.limits;
    for (const zygote of this.#all()) {
      const waitedMs = zygote.waitedMs(nowMs);
      if (zygote.state.kind === "starting" && waitedMs > warmStartMs) {
        this.#giveUp(`its modules take more than ${warmStartMs} ms to be imported`);
        zygote.kill();
      } else if (zygote.state.kind === "ready" && waitedMs > warmHangMs) {
        this.#options.log.warn(
          SOURCE,
          `Zygote ${zygote.pid} of ${this.#name} has not answered for ${warmHangMs} ms: SIGKILL`,
        );
        zygote.kill();
      }
    }
    if (this.isWarm && nowMs - this.#usedMs > warmIdleMs) this.cool("nobody has asked for it for a while");
  }

  /** Gives up its zygotes; requests start them anew. */
  cool(reason: string): void {
    this.#reason = reason;
    if (this.#zygote !== null) {
      this.#options.log.info(SOURCE, `${this.#name} is no longer warm: ${reason} (${this.#counts})`);
    }
    this.#retire(this.#zygote);
    this.#retire(this.#next);
    this.#zygote = this.#next = null;
  }

  /** SIGKILL to all of its zygotes. */
  kill(): void {
    for (const zygote of this.#all()) zygote.kill();
  }

  /** Ends its zygotes, for that reason. Resolves when they are reaped. Idempotent. */
  async close(reason: string): Promise<void> {
    this.#isClosed = true;
    await this.#starting;
    this.cool(reason);
    await Promise.all([...this.#retired].map((zygote) => zygote.close()));
  }

  onState(zygote: Zygote): void {
    const { state } = zygote;
    if (state.kind === "ready") this.#onReady(zygote);
    else if (state.kind === "refuse") this.#giveUp(state.reason);
    else if (state.kind === "stale") this.#onStale(state.reason);
    else if (state.kind === "leave") this.#onLeave(state.module, state.reason);
    else if (state.kind === "lost") this.#onLost(zygote, state.reason);
    if (state.kind !== "ready") this.#forget(zygote);
  }

  onLearned(lines: readonly string[]): void {
    this.#learned.add(lines);
  }

  get #name(): string {
    return `"${this.#options.file}"`;
  }

  get #counts(): string {
    return `${this.#warmCount} requests warm, ${this.#plainCount} plain`;
  }

  #all(): readonly Zygote[] {
    return [...[this.#zygote ?? [], this.#next ?? []].flat(), ...this.#retired];
  }

  #needsNext(): boolean {
    if (!this.isWilling || this.#next !== null || this.#starting !== null) return false;
    const zygote = this.#zygote;
    if (zygote === null || this.#learned.count > this.#givenCount) return true;
    const { maxWarmRequestCount, warmMs } = this.#options.limits;
    return zygote.count >= maxWarmRequestCount || performance.now() - zygote.startMs > warmMs;
  }

  #start(): void {
    const { plan, services } = this.#options;
    this.#growths = this.#learned.count > this.#givenCount ? this.#growths + 1 : 0;
    this.#givenCount = this.#learned.count;
    this.#startMs = performance.now() + Math.min(MOST_MS, GROW_MS * 2 ** this.#growths);
    this.#starting = Zygote.start({ ...plan, lines: this.#learned.lines }, { services, owner: this })
      .then((zygote) => {
        if (zygote === null) return this.#lose("no descriptors are left");
        // What it says comes later than this.
        this.#next = zygote;
      }, (error) => this.#lose(error instanceof Error ? error.message : String(error)))
      .finally(() => this.#starting = null);
  }

  #onReady(zygote: Zygote): void {
    if (zygote.state.kind !== "ready") return;
    if (zygote !== this.#next) return this.#retire(zygote);
    const { count, ms, skipped } = zygote.state;
    const left = skipped === 0 ? "" : `, ${skipped} left out`;
    const what =
      `${this.#name}: zygote ${zygote.pid} has imported ${count} modules in ${ms} ms${left} (${this.#counts})`;
    this.#options.log.info(SOURCE, what);
    this.#retire(this.#zygote);
    this.#zygote = zygote;
    this.#next = null;
  }

  /** What is on disk is not what was imported. */
  #onStale(path: string): void {
    this.#options.log.info(SOURCE, `${this.#name} is imported anew: "${path}" has changed`);
    this.#learned = new Learned();
    this.#givenCount = -1;
  }

  /** A module that each process of the script imports by itself, for more than its names would be shared. */
  #onLeave(module: string, reason: string): void {
    this.#options.log.info(
      SOURCE,
      `${this.#name}: "${module}" is imported for each request: ${reason} when it is imported`,
    );
    if (this.#learned.leave(module) > MOST_LEFT) this.#giveUp(`more than ${MOST_LEFT} of its modules cannot be shared`);
    this.#givenCount = -1;
    this.#growths = 0;
    this.#startMs = 0;
  }

  #onLost(zygote: Zygote, reason: string): void {
    // One that was to end says nothing.
    if (zygote === this.#next) this.#lose(reason);
    else if (zygote === this.#zygote) this.#lose(reason, MOST_RETRY_MS);
  }

  #lose(reason: string, mostMs = MOST_MS): void {
    const pauseMs = Math.min(mostMs, RETRY_MS * 2 ** this.#losses);
    this.#losses++;
    this.#startMs = performance.now() + pauseMs;
    this.#reason = reason;
    if (this.#isClosed || this.#isPlain) return;
    this.#options.log.warn(SOURCE, `${this.#name} has no zygote (${reason}): it runs plainly for ${pauseMs} ms`);
  }

  #giveUp(reason: string): void {
    if (this.#isPlain) return;
    this.#isPlain = true;
    this.#reason = reason;
    this.#options.log.warn(SOURCE, `${this.#name} runs plainly: ${reason}`);
    this.#retire(this.#zygote);
    this.#zygote = null;
  }

  /** It serves no more. */
  #forget(zygote: Zygote): void {
    if (zygote === this.#zygote) this.#zygote = null;
    if (zygote === this.#next) this.#next = null;
    this.#retire(zygote);
  }

  #retire(zygote: Zygote | null): void {
    if (zygote === null) return;
    this.#retired.add(zygote);
    zygote.retire();
    zygote.ended.then(() => this.#retired.delete(zygote));
  }
}
