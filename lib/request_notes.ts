/**
 * What is found out about a request while it is answered: which place has it, who answers it, and where its time goes. Separate
 * because those who know write it down, far from each other, and the log alone asks for it, at the end. Where nobody will ask there
 * is none, so that it costs the others nothing. Pure.
 */

/**
 * What the time is told to go into. "access": until whoever guards the place lets it in; "content": until the content that must be
 * there before a program has come; "queue": until it is the turn of the program; "start": until that has started; "connect":
 * until there is a connection to the upstream; "first byte": until the head of the answer is there; "rest": until the last of it
 * has left.
 */
export type Phase = "access" | "content" | "queue" | "start" | "connect" | "first byte" | "rest";

/** Where a site and a place stand in the configuration. */
export interface NotedLocation {
  readonly site: { readonly hosts: readonly string[] };
  readonly place: { readonly prefix: { readonly segments: readonly string[] } };
}

/** Who asks for notes. */
export interface NoteTaking {
  /** The time in ms and parts of one, from any beginning; never goes back. */
  readonly nowMs: () => number;
  /** A request that takes longer is told; 0: none is. */
  readonly slowMs: number;
}

export class RequestNotes {
  /** Where the path led, last of all; null: nowhere. */
  location: NotedLocation | null = null;
  /** The file, the program with its process or the upstream that answers; null: the server itself. */
  answerer: string | null = null;
  /** The process of the program that answers; null: none does. */
  scriptPid: number | null = null;
  readonly #nowMs: () => number;
  readonly #startMs: number;
  /** When the last phase ended. */
  #lastMs: number;
  readonly #phases: (readonly [phase: Phase, ms: number])[] = [];
  #firstByteMs: number | null = null;
  #durationMs: number | null = null;

  /** To be made when the head of the request has been read. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#startMs = this.#lastMs = nowMs();
  }

  /** All since the last mark, or since the beginning, was that phase; what comes in parts is added up. */
  mark(phase: Phase): void {
    const nowMs = this.#nowMs();
    this.#phases.push([phase, nowMs - this.#lastMs]);
    this.#lastMs = nowMs;
  }

  /** There is an answer, that is: its head. Idempotent. */
  markAnswer(): void {
    if (this.#firstByteMs !== null) return;
    this.mark("first byte");
    this.#firstByteMs = this.#lastMs - this.#startMs;
  }

  /** The last of the answer has left, or nothing more will. Idempotent. */
  end(): void {
    if (this.#durationMs !== null) return;
    this.mark("rest");
    this.#durationMs = this.#lastMs - this.#startMs;
  }

  /** Until there was an answer; null where there was none. */
  get firstByteMs(): number | null {
    return this.#firstByteMs;
  }

  /** From the beginning to `end`; null before. */
  get durationMs(): number | null {
    return this.#durationMs;
  }

  /** The first name of the site; null where it has none. */
  get site(): string | null {
    return this.location?.site.hosts[0] ?? null;
  }

  /** The prefix of the place, decoded. */
  get place(): string | null {
    return this.location === null ? null : `/${this.location.place.prefix.segments.join("/")}`;
  }

  /** Where the time went, in ms: `queue 0, start 3, first byte 3010, rest 1`. */
  get phases(): string {
    const sums = new Map<Phase, number>();
    for (const [phase, ms] of this.#phases) sums.set(phase, (sums.get(phase) ?? 0) + ms);
    return [...sums].map(([phase, ms]) => `${phase} ${Math.round(ms)}`).join(", ");
  }
}
