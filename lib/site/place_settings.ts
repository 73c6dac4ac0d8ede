/** What a place of files and one of programs say alike of all that is in them. Pure; types alone. */
import type { LinkRule } from "../link_rule.ts";
import type { Fallback } from "./fallback.ts";

/** Places that have the same object are counted together. */
export interface RateSetting {
  /** 0: no bound. */
  readonly perSecond: number;
}

export interface PlaceSettings {
  /** What answers for what is not there; null: nothing does (404). */
  readonly fallback: Fallback | null;
  /** Whether a path may have encoded slashes (%2F), as a part of a name that is no file's; else it is 404. */
  readonly passesEncodedSlash: boolean;
  /** Where symbolic links in its folder may lead. */
  readonly links: LinkRule;
  /** Methods that it may be asked by, HEAD where GET is (405 for all others); null: what answers knows which it has. */
  readonly methods: readonly string[] | null;
  /** Of the content of a request (413 beyond). */
  readonly maxBodyBytes: number;
  /** Of requests from one address; null: they are counted with those of all places that say nothing of it. */
  readonly rate: RateSetting | null;
}

/** Of a place that says nothing. */
export const NO_SETTINGS: PlaceSettings = {
  fallback: null,
  passesEncodedSlash: false,
  links: "inside",
  methods: null,
  maxBodyBytes: Infinity,
  rate: null,
};
