/**
 * How often the peers of one network may do something: a rate limit whose refusal is an answer. Separate from rate_limit.ts,
 * which knows of no HTTP. Pure: the clock is passed in. RFC 6585 4.
 */
import { HeaderFields } from "../http/header_fields.ts";
import { HttpError } from "../http/message.ts";
import { hasOwnLimit, networkOf } from "../ip_address.ts";
import { RateLimit, type RateLimitOptions } from "./rate_limit.ts";

export interface AddressLimitOptions extends RateLimitOptions {
  /** What is counted, for the log: "requests". */
  readonly what: string;
  readonly nowMs: () => number;
}

const SECOND_MS = 1000;

export class AddressLimit {
  readonly #options: AddressLimitOptions;
  readonly #rate: RateLimit;

  constructor(options: AddressLimitOptions) {
    this.#options = options;
    this.#rate = new RateLimit(options);
  }

  /** Counts one for the network of the address. Throws HttpError 429 with Retry-After when that is one too many. */
  take(address: string): void {
    if (!hasOwnLimit(address)) return;
    const { what, nowMs } = this.#options;
    const waitMs = this.#rate.take(networkOf(address), nowMs());
    if (waitMs === 0) return;
    const fields = HeaderFields.of(["Retry-After", String(Math.ceil(waitMs / SECOND_MS))]);
    throw new HttpError(429, `Too many ${what}`, { fields });
  }

  /** Takes back what `take` has counted. */
  giveBack(address: string): void {
    this.#rate.giveBack(networkOf(address));
  }
}

/** For the requests of all sites; null where `maxRate` (a second) is 0, which is no limit. */
export function createRequestLimit(maxRate: number, nowMs: () => number): AddressLimit | null {
  if (maxRate === 0) return null;
  return new AddressLimit({ what: "requests", burst: maxRate, intervalMs: SECOND_MS / maxRate, nowMs });
}
