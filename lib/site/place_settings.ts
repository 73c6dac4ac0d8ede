/** What a place says of requests before anything in it is looked up. Pure; types alone. */
import type { Fallback } from "./fallback.ts";

export interface PlaceSettings {
  /** What answers for what is not there; null: nothing does (404). */
  readonly fallback: Fallback | null;
  /** Whether a path may have encoded slashes (%2F), as a part of a name that is no file's; else it is 404. */
  readonly passesEncodedSlash: boolean;
}

/** Of a place that says nothing. */
export const NO_SETTINGS: PlaceSettings = { fallback: null, passesEncodedSlash: false };
