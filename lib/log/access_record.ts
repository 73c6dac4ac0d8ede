/** What an access line is made of. Separate from what makes it, for the formats of lines are several. Types alone. */
import type { HeaderFields } from "../http/header_fields.ts";
import type { RequestNotes } from "../request_notes.ts";

/** One request that was answered. Text is as received, Latin-1; null and "" become "-". */
export interface AccessRecord {
  readonly remoteAddress: string;
  /** The user that HTTP authentication found. */
  readonly remoteUser: string | null;
  /** "" when no request line could be read: then `target` may hold what came instead of it. */
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly status: number;
  /** Bytes of content that were sent, without the head; 0 becomes "-" as in Apache's `%b`. */
  readonly bodyBytes: number;
  readonly referer: string | null;
  readonly userAgent: string | null;
  /** Absent or null where Combined Log Format is all that is asked for. */
  readonly details?: AccessDetails | null;
}

/** What another format may ask for: a request as far as it could be read. */
export interface AccessDetails {
  readonly connection: { readonly secure: boolean };
  readonly fields?: HeaderFields;
  /** As HttpRequest has them. */
  readonly host?: string;
  readonly id?: string;
  readonly notes?: RequestNotes | null;
}
