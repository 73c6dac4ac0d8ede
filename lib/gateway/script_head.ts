/**
 * What a script prints, up to its content: CGI fields, or the head of a whole HTTP response. Separate from running the
 * script, so that it can be tested byte by byte. RFC 3875 6.2 and 6.3; a non-parsed header (5) is parsed all the same.
 */
import { contentLengthDigits } from "../http/body_readers.ts";
import { CR, FIELD_VALUE, latin1Text, LF, TOKEN } from "../http/grammar.ts";
import { CONNECTION_FIELDS, type Field, HeaderFields } from "../http/header_fields.ts";
import { HttpError } from "../http/message.ts";
import { parseTarget } from "../http/target.ts";
import type { Limits } from "../limits.ts";

/** RFC 3875 6.2.1, 6.2.3, 6.2.4: an answer for the client; a redirect of the client is one too. */
export interface ScriptDocument {
  readonly kind: "document";
  /** 200 to 999. */
  readonly status: number;
  /** RFC 9112 4: the program's own words, Latin-1; null where it has none, or none that a status line may hold. */
  readonly reason: string | null;
  /** Without the CGI fields that only speak to the server, without hop-by-hop fields, and without framing. */
  readonly fields: HeaderFields;
  /** Bytes of content that the script promised; null when it promised nothing. */
  readonly contentLength: number | null;
  /** The script printed a whole HTTP response and framed its content as chunked (RFC 9112 7.1): it is still to be decoded. */
  readonly isChunked: boolean;
}

/** RFC 3875 6.2.2: the server is to answer as if the client had asked for this. */
export interface ScriptRedirect {
  readonly kind: "local_redirect";
  /** Absolute path and query, as the script wrote them. */
  readonly location: string;
}

export type ScriptResponse = ScriptDocument | ScriptRedirect;

/** A whole head, and what came after it. */
export interface ScriptHead {
  readonly response: ScriptResponse;
  /** The first bytes of the content; a view of the bytes that were pushed last, or a copy. */
  readonly rest: Uint8Array;
}

export type ScriptHeadLimits = Pick<Limits, "maxScriptHeadBytes" | "maxScriptFieldCount">;

/** Finds and reads the head in bytes that come in any pieces; no byte is searched twice. */
export class ScriptHeadReader {
  readonly #limits: ScriptHeadLimits;
  /** Copies of the pieces so far, one after the other; empty when the first piece held it all. */
  #kept = NOTHING;
  #keptLength = 0;
  /** Where the line that is not yet complete starts, and how far it has been searched for its end. */
  #lineStart = 0;
  #searched = 0;

  constructor(limits: ScriptHeadLimits) {
    this.#limits = limits;
  }

  /** The first characters of what has been pushed and no head was made of (Latin-1); "" for nothing. */
  get beginning(): string {
    return latin1Text(this.#kept, 0, Math.min(this.#keptLength, MAX_TOLD_LENGTH));
  }

  /**
   * Takes the next piece, which may change once this returns unless it held the end of the head. Null: the head goes
   * on. Throws HttpError 500 when it is malformed or over a limit.
   */
  push(piece: Uint8Array): ScriptHead | null {
    const bytes = this.#append(piece);
    const end = this.#findEnd(bytes);
    const headBytes = end ?? bytes.length;
    if (headBytes > this.#limits.maxScriptHeadBytes) throw malformed("is over the limit");
    if (end === null) {
      this.#keep(bytes, piece);
      return null;
    }
    const lines = latin1Text(bytes, 0, end).split(/\r?\n/).slice(0, -2);
    const rest = bytes.subarray(end);
    if (!isInterim(lines[0])) return { response: readHead(lines, this.#limits.maxScriptFieldCount), rest };
    // RFC 9110 15.2: an interim response precedes the final one, and is of no use to a client that did not ask.
    this.#restart();
    return this.push(rest);
  }

  /** The bytes so far and the piece, in one view. */
  #append(piece: Uint8Array): Uint8Array {
    if (this.#keptLength === 0) return piece;
    const length = this.#keptLength + piece.length;
    if (length > this.#kept.length) {
      const larger = new Uint8Array(2 * length);
      larger.set(this.#kept.subarray(0, this.#keptLength));
      this.#kept = larger;
    }
    this.#kept.set(piece, this.#keptLength);
    this.#keptLength = length;
    return this.#kept.subarray(0, length);
  }

  #keep(bytes: Uint8Array, piece: Uint8Array): void {
    if (bytes !== piece) return;
    this.#kept = piece.slice();
    this.#keptLength = piece.length;
  }

  #restart(): void {
    this.#kept = NOTHING;
    this.#keptLength = 0;
    this.#lineStart = 0;
    this.#searched = 0;
  }

  /** Position after the empty line that ends the head; null when it has not come. RFC 3875 6.2: NL is LF or CR LF. */
  #findEnd(bytes: Uint8Array): number | null {
    for (;;) {
      const lineEnd = bytes.indexOf(LF, this.#searched);
      if (lineEnd < 0) {
        this.#searched = bytes.length;
        return null;
      }
      const isEmpty = lineEnd === this.#lineStart || (lineEnd === this.#lineStart + 1 && bytes[this.#lineStart] === CR);
      this.#lineStart = this.#searched = lineEnd + 1;
      if (isEmpty) return lineEnd + 1;
    }
  }
}

const NOTHING = new Uint8Array(0);
/** Characters of what is wrong that the log is told. */
const MAX_TOLD_LENGTH = 100;

/** What a script's head did wrong is our log's business and never the client's. */
function malformed(problem: string): HttpError {
  return new HttpError(500, `The head that the script printed ${problem}`);
}

/** RFC 9112 4: HTTP-version SP status-code, then SP and a reason that may be missing altogether in practice. */
const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})(?: (.*))?$/;

function isInterim(line: string | undefined): boolean {
  return line !== undefined && /^HTTP\/1\.[01] 1(?!01)\d\d(?: .*)?$/.test(line);
}

/** The lines of a head without their ends and without the empty one. */
function readHead(lines: readonly string[], maxFieldCount: number): ScriptResponse {
  const isWhole = lines.length > 0 && lines[0].startsWith("HTTP/");
  const fieldLines = isWhole ? lines.slice(1) : lines;
  if (fieldLines.length > maxFieldCount) throw malformed(`has more than ${maxFieldCount} fields`);
  const fields = fieldLines.map(readField);
  return isWhole ? readWholeResponse(lines[0], fields) : readCgiResponse(fields);
}

/** RFC 3875 6.3: field-name ":" [ field-value ] NL, on one line: there is no folding. */
function readField(line: string): Field {
  const colon = line.indexOf(":");
  const name = line.slice(0, colon);
  const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
  if (colon < 0 || !TOKEN.test(name) || !FIELD_VALUE.test(value)) {
    throw malformed(`has a line that is no field: "${line.slice(0, 200)}"`);
  }
  return [name, value];
}

/** RFC 3875 5: a full HTTP response. It is framed again, whatever framing it had, and the connection stays ours. */
function readWholeResponse(statusLine: string, fields: readonly Field[]): ScriptResponse {
  const [, digits, phrase] = STATUS_LINE.exec(statusLine) ?? [];
  const status = Number(digits);
  if (!isFinalStatus(status)) throw malformed(`has the status line "${statusLine.slice(0, 200)}"`);
  const isChunked = fields.some(([name, value]) => /^transfer-encoding$/i.test(name) && /\bchunked$/i.test(value));
  // RFC 9112 6.3: Transfer-Encoding overrides Content-Length.
  const contentLength = isChunked ? null : readContentLength(cgiField(fields, "content-length"));
  return { kind: "document", status, reason: readReason(phrase), fields: forwarded(fields), contentLength, isChunked };
}

/**
 * RFC 3875 6.2: which of the CGI fields there are decides between document and redirects. A program MUST print one of them, and
 * every host takes a document without, to which the client finds a type; but not one without any field, which is most often an
 * empty line by mistake before a head that nobody is to see.
 */
function readCgiResponse(fields: readonly Field[]): ScriptResponse {
  if (fields.length === 0) throw malformed("is empty");
  const [location, statusText, lengthText] = ["location", "status", "content-length", "content-type"]
    .map((name) => cgiField(fields, name));
  // RFC 3875 6.2.2: a local redirect MUST NOT have any other field. What has one has something to say to the client, a
  // cookie for one (CGI.pm and Ruby's CGI print it so), and would lose it.
  if (location !== null && fields.length === 1 && isLocalTarget(location)) return { kind: "local_redirect", location };
  const contentLength = readContentLength(lengthText);
  // RFC 3875 6.2.3: a client redirect without Status MUST be 302; 6.3.3: 200 is the default for a document.
  const { status, reason } = statusText === null
    ? { status: location === null ? 200 : 302, reason: null }
    : readStatus(statusText);
  return { kind: "document", status, reason, fields: forwarded(fields), contentLength, isChunked: false };
}

/**
 * RFC 3875 6.3: each CGI field MUST NOT appear more than once. What says the same again contradicts nothing; two values do, and
 * whoever comes after this server could take the other one. Null where it does not appear.
 */
function cgiField(fields: readonly Field[], name: string): string | null {
  const values = new Set(fields.filter((field) => field[0].toLowerCase() === name).map(([, value]) => value));
  if (values.size > 1) throw malformed(`has ${[...values].map((value) => `"${value}"`).join(" and ")} as ${name}`);
  const [value = null] = values;
  return value;
}

/**
 * RFC 3875 6.3.2: a local redirect names an absolute path and a query. Two slashes start a network-path reference, which a
 * browser takes to another host; and what cannot be asked for as it stands, with a fragment, a space or bytes beyond ASCII, is
 * for the client too, which knows what to make of it.
 */
function isLocalTarget(location: string): boolean {
  if (!/^\/(?!\/)[\x21-\x7e]*$/.test(location)) return false;
  try {
    return parseTarget("GET", location).form === "origin";
  } catch (error) {
    if (error instanceof HttpError) return false;
    throw error;
  }
}

/** RFC 3875 6.3.3: 3digit SP reason-phrase; scripts leave the reason out. */
function readStatus(text: string): { readonly status: number; readonly reason: string | null } {
  const [, digits, phrase] = /^(\d{3})(?: (.*))?$/.exec(text) ?? [];
  const status = Number(digits);
  if (!isFinalStatus(status)) throw malformed(`has the status "${text.slice(0, 200)}"`);
  return { status, reason: readReason(phrase) };
}

/** As HttpResponse has it. Nobody needs it, so what a status line may not hold, or hardly can mean, is left out. */
export function readReason(phrase: string | undefined): string | null {
  return phrase !== undefined && phrase.length <= MAX_REASON_LENGTH && REASON_PHRASE.test(phrase) ? phrase : null;
}

/** RFC 9112 4: 1*( HTAB / SP / VCHAR / obs-text ); not of blanks alone, which would be none. */
const REASON_PHRASE = /^(?=.*[!-~\x80-\xff])[\t -~\x80-\xff]+$/;
const MAX_REASON_LENGTH = 100;

/** RFC 9110 15: 100 to 199 are interim; what is above 599 is for the client to take as 500, and every host sends it. */
function isFinalStatus(status: number): boolean {
  return status >= 200 && status <= 999;
}

/** An empty one promises nothing. */
function readContentLength(text: string | null): number | null {
  if (text === null || text === "") return null;
  const digits = contentLengthDigits(text);
  if (digits === null || digits.length > 15) throw malformed(`has the Content-Length "${text.slice(0, 200)}"`);
  return Number(digits);
}

/**
 * Fields that end here: those for the server alone (RFC 3875 6.3), those about one connection (RFC 9110 7.6.1), and
 * those that this server writes itself.
 */
export const ENDING_FIELDS: ReadonlySet<string> = new Set([
  "status",
  "content-length",
  ...CONNECTION_FIELDS,
  "te",
  "trailer",
  "date",
  "server",
]);

/** Fields that say one thing: one more with the same value says nothing more. */
export const SINGLE_FIELDS: ReadonlySet<string> = new Set(["content-type", "location"]);

function forwarded(fields: readonly Field[]): HeaderFields {
  // RFC 9110 7.6.1: Connection names further fields that are about this connection alone.
  const named = fields.filter(([name]) => name.toLowerCase() === "connection")
    .flatMap(([, value]) => value.toLowerCase().split(/[ \t]*,[ \t]*/));
  return HeaderFields.of(...withoutRepeats(fields.filter(([name]) => {
    const lower = name.toLowerCase();
    // RFC 3875 6.3.5: the server MAY delete unrecognised fields that begin with X-CGI-.
    return !ENDING_FIELDS.has(lower) && !lower.startsWith("x-cgi-") && !named.includes(lower);
  })));
}

/** The fields less those that say once more what may be said once. */
export function withoutRepeats(fields: readonly Field[]): readonly Field[] {
  const said = new Set<string>();
  return fields.filter(([name, value]) => {
    const lower = name.toLowerCase();
    const isRepeated = SINGLE_FIELDS.has(lower) && said.has(`${lower}:${value}`);
    said.add(`${lower}:${value}`);
    return !isRepeated;
  });
}
