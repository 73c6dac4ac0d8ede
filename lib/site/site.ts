/**
 * What is served: sites, and the places of each. Whether a path may be had and what answers it hang on one and the same
 * place, so that nothing is guarded under one name and served under another. Pure; types alone.
 */
import type { Located } from "../http/located.ts";
import type { HttpError, HttpRequest, HttpResponse, LocalRedirect, Soon } from "../http/message.ts";
import type { OperatorFields, OwnFields } from "../http/own_fields.ts";
import type { PathPrefix } from "../http/path_prefix.ts";
import type { PlaceSettings } from "./place_settings.ts";
import type { Rewrite } from "./rewrite.ts";

/** Who may have what is in a place. */
export interface Guard {
  /** Who the user is, null where nobody need be. Throws HttpError, at once or later, for whoever may not. */
  admit(request: HttpRequest): Soon<NonNullable<HttpRequest["user"]> | null>;
}

/** Answers a request for a path of a place; as a Handler it throws HttpError. */
export type PlaceAnswer = (request: HttpRequest, at: Located) => Soon<HttpResponse | LocalRedirect>;

/** A prefix of a site, and all below it that no longer prefix has. */
export interface Place {
  readonly prefix: PathPrefix;
  /** The prefix that `answer` was made for: a place that is only guarded otherwise is answered by the one around it. */
  readonly mount: PathPrefix;
  /** Null: everybody may have it. */
  readonly guard: Guard | null;
  /** What a folder may be answered with, in their order. */
  readonly indexNames: readonly string[];
  readonly answer: PlaceAnswer;
  readonly settings: PlaceSettings;
  /** What it says of its answers and errors; null: as its site. */
  readonly said: PlaceSaid | null;
  /** What its requests are counted as, where they are told: the number of a place, 0 for none. */
  readonly countedAs: number;
  /** Counts its requests; null: they are counted with those of all other places. */
  readonly rate: RequestRate | null;
}

/** Counts the requests of an address, and throws HttpError for one too many. */
export interface RequestRate {
  take(remoteAddress: string): void;
}

/** How the answers of a place differ from those of its site. */
export interface PlaceSaid {
  /** What every answer says: over HTTP, and over TLS. */
  readonly plain: OwnFields;
  readonly secure: OwnFields;
  /** As an answer has it. */
  readonly accessLog: HttpResponse["accessLog"];
  /** The answer for an error, with its page. */
  errorResponse(error: HttpError): HttpResponse;
}

/** What is served under some names of hosts. */
export interface Site {
  /** In lower case; one that begins with "*." is for all names below. */
  readonly hosts: readonly string[];
  /** What is answered in place of what was asked for, by the first of them that fits. */
  readonly rewrites: readonly Rewrite[];
  /** One of them has the empty prefix. */
  readonly places: readonly Place[];
  /** The answer for an error, with its page. */
  errorResponse(error: HttpError): HttpResponse;
  /** What every answer says. */
  readonly fields: OperatorFields;
}
