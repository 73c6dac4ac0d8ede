/**
 * The request target and the Host field: their forms, percent-decoding and dot segments. Pure text, and apart from the
 * readers because CGI and redirects need the same rules. RFC 9112 3.2, RFC 3986 3 and 5.2.4.
 */
import { parseAddress } from "../ip_address.ts";
import { textOfBytes } from "./byte_text.ts";
import { HttpError } from "./message.ts";

export interface Target {
  /** RFC 9112 3.2.1 to 3.2.4. */
  readonly form: "origin" | "absolute" | "authority" | "asterisk";
  /**
   * Percent-decoded once, dot segments resolved, starts with "/"; "*" and "" for the asterisk and authority forms. Bytes that
   * are not UTF-8 stand in it as `textOfBytes` writes them: no file is called so, but a program may be told of them. The same
   * holds for an encoded slash.
   */
  readonly path: string;
  /** What follows the first "?", raw; "" when there is none. */
  readonly query: string;
  /** Host and port as text where the target names them; null in origin and asterisk form. */
  readonly authority: string | null;
}

/**
 * What stands in a decoded path for a slash that was encoded (%2F): as textOfBytes would write a byte that is no UTF-8, so that
 * such a path is cut nowhere there and names no file and no prefix.
 */
export const ENCODED_SLASH = "\udc2f";

/**
 * Reads a target that consists of visible ASCII. Throws HttpError 400 for one that fits no form, has a fragment or
 * an invalid escape; 404 for one whose path cannot name anything: with a backslash, or an encoded slash where `slashes` does not
 * say that it stays, as ENCODED_SLASH.
 */
export function parseTarget(method: string, target: string, slashes: "keep" | "refuse" = "refuse"): Target {
  if (method === "CONNECT") {
    const authority = parseAuthority(target);
    if (!authority?.host || authority.port === null) throw new HttpError(400, `Not an authority: "${target}"`);
    return { form: "authority", path: "", query: "", authority: target };
  }
  if (target.charCodeAt(0) === SLASH) return parseOrigin(target, { form: "origin", authority: null, slashes });
  if (target === "*") {
    if (method !== "OPTIONS") throw new HttpError(400, "Only OPTIONS may ask for *");
    return { form: "asterisk", path: "*", query: "", authority: null };
  }
  const absolute = /^https?:\/\/([^/?#]+)(.*)$/i.exec(target);
  if (absolute === null) throw new HttpError(400, `Not a request target: "${target}"`);
  const [, authority, rest] = absolute;
  // RFC 9110 4.2.1: an "http" URI with an empty host MUST be rejected.
  if (!parseAuthority(authority)?.host) throw new HttpError(400, `Not an authority: "${authority}"`);
  // RFC 3986 6.2.3: an empty path is the same as "/".
  return parseOrigin(rest.startsWith("/") ? rest : `/${rest}`, { form: "absolute", authority, slashes });
}

const SLASH = 0x2f;

interface OriginContext extends Pick<Target, "form" | "authority"> {
  readonly slashes: "keep" | "refuse";
}

function parseOrigin(text: string, { form, authority, slashes }: OriginContext): Target {
  let isPlain = true;
  let end = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x3f) { // ?
      end = i;
      break;
    }
    // % and \ need a closer look, and so does a dot that begins a segment.
    if (code === 0x25 || code === 0x5c || (code === 0x2e && text.charCodeAt(i - 1) === SLASH)) isPlain = false;
  }
  if (text.includes("#")) throw new HttpError(400, "A request target has no fragment");
  const rawPath = end === text.length ? text : text.slice(0, end);
  return { form, path: isPlain ? rawPath : decodePath(rawPath, slashes), query: text.slice(end + 1), authority };
}

/** Whether a path can hold that file name as a segment: a request for it leads to that name, and not to 400, 404 or elsewhere. */
export function isSegment(name: string): boolean {
  if (name === "" || !name.isWellFormed()) return false;
  const path = `/${name}`;
  try {
    return parseTarget("GET", `/${encodeURIComponent(name)}`).path === path;
  } catch (error) {
    if (error instanceof HttpError) return false;
    throw error;
  }
}

/** RFC 3986 2.4: decoded exactly once, and only then searched for dot segments, so that %2e%2e is one too. */
function decodePath(rawPath: string, slashes: "keep" | "refuse"): string {
  const isUnnamed = (slashes === "keep" ? /%5c|\\/i : /%2f|%5c|\\/i).test(rawPath);
  if (isUnnamed) throw new HttpError(404, `Encoded slash or backslash in "${rawPath}"`);
  const path = decodePart(rawPath);
  if (path === null) throw new HttpError(400, `Invalid percent-encoding in "${rawPath}"`);
  if (path.includes("\0")) throw new HttpError(400, `NUL in "${rawPath}"`);
  return removeDotSegments(path);
}

/** As decodeEscapes, for a part of a path: an encoded slash is ENCODED_SLASH. */
export function decodePart(text: string): string | null {
  return decodeEscapes(text.replace(/%2f/gi, ENCODED_SLASH));
}

/** The text of percent-encoded ASCII as `textOfBytes` has it; null where a "%" begins no escape. RFC 3986 2.1. */
export function decodeEscapes(text: string): string | null {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return null;
  return textOfBytes(text.replace(/%(..)/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 16))));
}

/**
 * A decoded path as a target, a Location or a part of a query has it: what RFC 3986 3.3 does not allow in a path is encoded, and
 * reading it gives the same path again.
 */
export function encodePath(path: string): string {
  if (PLAIN_PATH.test(path)) return path;
  // With the flag "u" a pair of surrogates is one character, and only a lone one, which stands for a byte, is found as such.
  return path.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/]/gu, (character) => {
    const isByte = character.length === 1 && !character.isWellFormed();
    return isByte ? escapeByte(character.charCodeAt(0) & 0xff) : encodeURIComponent(character);
  });
}

const PLAIN_PATH = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/]*$/;

function escapeByte(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** RFC 3986 5.2.4, for an absolute path: `..` at the root stays at the root. Throws HttpError 404. */
function removeDotSegments(path: string): string {
  const kept: string[] = [];
  const segments = path.split("/").slice(1);
  for (const segment of segments) {
    if (segment === "..") {
      // Whoever takes the slash for a separator would be left with another path.
      if (kept.pop()?.includes(ENCODED_SLASH)) throw new HttpError(404, `Encoded slash before ".." in "${path}"`);
    }
    if (segment !== "." && segment !== "..") kept.push(segment);
  }
  const last = segments[segments.length - 1];
  // A path that ends in a dot segment names a folder.
  if (last === "." || last === "..") kept.push("");
  return `/${kept.join("/")}`;
}

/** Host as in a URI, in lower case, and the port where there is one. */
export interface Authority {
  readonly host: string;
  readonly port: number | null;
}

/**
 * RFC 9110 7.2, RFC 3986 3.2: `uri-host [ ":" port ]` without user information; null for anything else, and for a host that
 * can be none: neither an IP address nor a name that can be looked up. An empty text is a valid Host of a target without
 * authority.
 */
export function parseAuthority(text: string): Authority | null {
  const match = AUTHORITY.exec(text);
  if (match === null) return null;
  const [, host, literal, portText] = match;
  if (literal === undefined ? !isName(host) : !isIpv6(literal)) return null;
  const port = portText === undefined || portText === "" ? null : Number(portText);
  if (port !== null && port > 65_535) return null;
  return { host: host.toLowerCase(), port };
}

/**
 * An address in brackets, or labels with dots between them and perhaps after them (RFC 1035 2.3.4, RFC 1123 2.1; with the
 * underscore that names have in practice, and hyphens wherever they are); then a port. RFC 3986 has more in a reg-name, but
 * for no name of the DNS, and an escape would be a second spelling of a host.
 */
const AUTHORITY = /^(\[([0-9A-Fa-f:.]+)\]|(?:(?:[\w-]{1,63}\.)*[\w-]{1,63}\.?)?)(?::(\d{0,5}))?$/;

/** RFC 3986 3.2.2: what is in brackets is IPv6, or of a version that nobody has made yet. */
function isIpv6(literal: string): boolean {
  return literal.includes(":") && parseAddress(literal) !== null;
}

/** RFC 1035 2.3.4: 255 octets as they are sent, which as text are 253, and a dot after them. */
function isName(host: string): boolean {
  return host.length <= (host.endsWith(".") ? 254 : 253);
}
