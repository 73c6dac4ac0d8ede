/**
 * Counts what a client does that costs the server work and brings the client nothing: streams that are reset, and frames that
 * carry no content. So many are usual within a second; beyond, the connection ends with ENHANCE_YOUR_CALM. Pure: the time is
 * passed in. RFC 9113 10.5.
 */
import { ConnectionError, ErrorCode } from "./error_codes.ts";

export interface MisuseLimits {
  /** Streams reset within a second, by the client or through its fault. */
  readonly maxResetCount: number;
  /** Frames without content within a second. */
  readonly maxControlFrameCount: number;
}

const SECOND_MS = 1000;

/** An allowance that is whole at first, and whole again a second after it was used up. */
class Allowance {
  readonly #whole: number;
  readonly #what: string;
  #left: number;
  #lastMs: number;

  constructor(whole: number, what: string, nowMs: number) {
    this.#whole = whole;
    this.#what = what;
    this.#left = whole;
    this.#lastMs = nowMs;
  }

  take(count: number, nowMs: number): void {
    this.#left -= count;
    if (this.#left >= 0) return;
    this.#left = Math.min(this.#whole, this.#left + this.#whole * (nowMs - this.#lastMs) / SECOND_MS);
    this.#lastMs = nowMs;
    if (this.#left < 0) throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, `Too many ${this.#what}`);
  }

  give(count: number): void {
    this.#left = Math.min(this.#whole, this.#left + count);
  }
}

export class Misuse {
  readonly #resets: Allowance;
  readonly #frames: Allowance;

  constructor({ maxResetCount, maxControlFrameCount }: MisuseLimits, nowMs: number) {
    this.#resets = new Allowance(maxResetCount, "streams reset", nowMs);
    this.#frames = new Allowance(maxControlFrameCount, "frames without content", nowMs);
  }

  /** A stream was reset. Throws ConnectionError ENHANCE_YOUR_CALM beyond the limit, as all of these do. */
  countReset(nowMs: number): void {
    this.#resets.take(1, nowMs);
  }

  /** So many frames, or what takes as long, came that carry no content. */
  countFrames(count: number, nowMs: number): void {
    this.#frames.take(count, nowMs);
  }

  /** Content was sent, which the client has to answer with windows: such frames are no misuse. */
  allowFrames(count: number): void {
    this.#frames.give(count);
  }
}
