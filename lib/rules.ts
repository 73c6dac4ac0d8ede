/**
 * Where the course and the RFCs differ. One record with two values: whoever needs a rule reads its field, nobody
 * asks which of the two is in force. The positional form of the command line takes `course`, the named one `standard`.
 */
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";

export interface Rules {
  /** RFC 9112 3.2: a server MUST answer 400 to an HTTP/1.1 request without Host. */
  readonly requiresHost: boolean;
  /** POST to a static file: read the content away and answer 200 with no content, or 405 with Allow. */
  readonly acceptsPostToFile: boolean;
  /** CGI programs get any method, and OPTIONS is answered with Allow; else GET, HEAD and POST, and 501 for all others. */
  readonly allowsAnyMethod: boolean;
  /** What Content-Type says of the characters of a text: nothing, or UTF-8 where it is that (lib/static/charset.ts). */
  readonly charset: "off" | "auto";
  /** REQUEST_URI is path and query as received; else the path alone. */
  readonly requestUriHasQuery: boolean;
  /** HTTP/2 is spoken where nobody says whether: what the course's clients speak is HTTP/1.1. */
  readonly speaksHttp2: boolean;
  /** What is compressed where nobody says: the course's checks count the bytes of files. */
  readonly compression: "off" | "static";
  /** POST with neither Content-Length nor chunked: 411; else its content is empty (RFC 9112 6.3). */
  readonly requiresPostLength: boolean;
  /** Defaults in place of those of `limits.ts`: the course's 1,024 clients at once all sit on one machine. */
  readonly defaultLimits: Partial<Limits>;
}

export type RulesName = "course" | "standard";

export const RULES: { readonly [name in RulesName]: Rules } = {
  course: {
    requiresHost: false,
    acceptsPostToFile: true,
    allowsAnyMethod: false,
    charset: "off",
    requestUriHasQuery: false,
    speaksHttp2: false,
    compression: "off",
    requiresPostLength: true,
    defaultLimits: { maxPerAddress: DEFAULT_LIMITS.maxConnectionCount, scriptSharePercent: 100 },
  },
  standard: {
    requiresHost: true,
    acceptsPostToFile: false,
    allowsAnyMethod: true,
    charset: "auto",
    requestUriHasQuery: true,
    speaksHttp2: true,
    compression: "static",
    requiresPostLength: false,
    defaultLimits: {},
  },
};
