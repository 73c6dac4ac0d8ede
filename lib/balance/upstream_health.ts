/**
 * Whether an upstream is asked, by what became of the requests before: some failures within a time put it aside for that time, then
 * one request, or a check, tries it. Separate from the balancing, which asks. Pure: the time comes from whoever calls.
 */

export type HealthState = "up" | "aside" | "probing";

/** What has changed, for the log. */
export type HealthChange = "aside" | "back" | null;

export interface HealthLimits {
  /** So many failures within `failMs` put it aside. */
  readonly maxFailCount: number;
  /** Also how long it stays there. */
  readonly failMs: number;
  /** Never: it is the only one, and who cannot be helped elsewhere may be helped by it all the same. */
  readonly isNeverAside: boolean;
  /** It is asked for its health: nothing else brings it back. */
  readonly isChecked: boolean;
}

export class UpstreamHealth {
  readonly #limits: HealthLimits;
  #state: HealthState = "up";
  /** When the last ones were, the oldest first. */
  #failures: number[] = [];
  #asideMs = 0;

  constructor(limits: HealthLimits) {
    this.#limits = limits;
  }

  get state(): HealthState {
    return this.#state;
  }

  /** Whether a request may be handed to it now. */
  isOpen(nowMs: number): boolean {
    if (this.#state === "up") return true;
    const { isChecked, failMs } = this.#limits;
    return this.#state === "aside" && !isChecked && nowMs - this.#asideMs >= failMs;
  }

  /** A request is handed to it, for it was open. True: it is the one that tries it. */
  begin(): boolean {
    if (this.#state !== "aside") return false;
    this.#state = "probing";
    return true;
  }

  /** It has answered. */
  succeed(): HealthChange {
    // Those that were asked before tell nothing of now.
    if (this.#state === "aside") return null;
    this.#failures = [];
    return this.#comeBack();
  }

  /** It could not be reached, or has not answered. */
  fail(nowMs: number): HealthChange {
    const { maxFailCount, failMs, isNeverAside } = this.#limits;
    if (this.#state === "probing") {
      this.#state = "aside";
      this.#asideMs = nowMs;
      return null;
    }
    this.#failures = [...this.#failures.filter((ms) => nowMs - ms < failMs), nowMs].slice(-maxFailCount);
    if (this.#state === "aside" || isNeverAside || this.#failures.length < maxFailCount) return null;
    return this.#putAside(nowMs);
  }

  /** The request that tried it ended, and nobody knows how it would have gone. */
  leaveOpen(): void {
    if (this.#state === "probing") this.#state = "aside";
  }

  /** It was asked for its health. */
  check(isWell: boolean, nowMs: number): HealthChange {
    if (isWell) return this.#comeBack();
    return this.#state === "aside" ? null : this.#putAside(nowMs);
  }

  #putAside(nowMs: number): HealthChange {
    this.#state = "aside";
    this.#asideMs = nowMs;
    this.#failures = [];
    return "aside";
  }

  #comeBack(): HealthChange {
    if (this.#state === "up") return null;
    this.#state = "up";
    this.#failures = [];
    return "back";
  }
}
